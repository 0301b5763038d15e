import { useEffect, useRef, useState } from 'preact/hooks';
import type { Project } from '../api/types.ts';

/** The first number that was read for a list. */
interface FirstReading {
  readonly shown: string;
  /** The project as it was read before the list. */
  readonly before: Project | undefined;
  count?: number;
}

/**
 * Returns true if a number of offers differs from the first number that was read for the list as it is shown.
 *
 * @param project - changes with each reading of the numbers
 * @param count - the number, undefined until it is read
 * @param shown - changes with each change of the shown list, which makes the next reading the first one
 */
export function useHasChanged(project: Project | undefined, count: number | undefined, shown: string): boolean {
  const [hasChanged, setHasChanged] = useState(false);
  const first = useRef<FirstReading>({ shown, before: project });
  if (first.current.shown !== shown) first.current = { shown, before: project };
  useEffect(() => {
    const reading = first.current;
    if (count === undefined) return;
    // A number that was read before the change of the list is not the number of the changed list.
    if (reading.count === undefined && project !== reading.before) reading.count = count;
    setHasChanged(reading.count !== undefined && reading.count !== count);
  }, [project, shown]);
  return hasChanged;
}
