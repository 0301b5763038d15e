import type { ComponentChildren } from 'preact';
import { useConsole } from './console-context.ts';
import { focusHeading } from './heading.tsx';
import { Progress } from './progress.tsx';
import type { LoadedList } from './use-list.ts';

interface ListStateProps {
  /** Undefined until it is loaded. */
  readonly list: LoadedList<unknown> | undefined;
  /** Sentence about a failed first page. */
  readonly problem: string | undefined;
  /** Noun for the list. */
  readonly noun: string;
  readonly children: ComponentChildren;
}

/**
 * The content of a list, after it and the project are loaded, because the role decides about the actions; until then the
 * progress, or the problem and a button to load it again.
 */
export function ListState({ list, problem, noun, children }: ListStateProps) {
  const { project, invalidate } = useConsole();
  if (problem !== undefined) {
    return (
      <div class="notice problem" role="alert">
        <p>{problem}</p>
        <button
          type="button"
          onClick={() => {
            invalidate();
            focusHeading();
          }}
        >
          Try again
        </button>
      </div>
    );
  }
  return list === undefined || project === undefined ? <Progress label={`Loading the ${noun}`} /> : <>{children}</>;
}
