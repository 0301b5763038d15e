import type { ComponentChildren } from 'preact';
import { useConsole } from './console-context.ts';
import { formatCount } from './format.ts';
import { focusHeading } from './heading.tsx';
import { Progress } from './progress.tsx';
import type { LoadedList } from './use-list.ts';

interface ListStateProps {
  /** Undefined until it is loaded. */
  readonly list: LoadedList<unknown> | undefined;
  /** Sentence about a failed first page. */
  readonly problem: string | undefined;
  /** Noun for the items. */
  readonly noun: string;
  readonly children: ComponentChildren;
}

/**
 * The content of a list, after it and the project are loaded, because the role decides about the actions; until then the
 * progress, or the problem and a button to load it again.
 */
export function ListState({ list, problem, noun, children }: ListStateProps) {
  const { project, invalidate } = useConsole();
  const tryAgain = () => {
    invalidate();
    focusHeading();
  };
  const isLoaded = list !== undefined && project !== undefined;
  return (
    <>
      <p class="visually-hidden" role="status">
        {isLoaded && problem === undefined && `${formatCount(list.items.length)} ${noun} shown`}
      </p>
      <div role="alert">
        {problem !== undefined && (
          <div class="notice problem">
            <p>{problem}</p>
            <button type="button" onClick={tryAgain}>
              Try again
            </button>
          </div>
        )}
      </div>
      {problem === undefined && (isLoaded ? children : <Progress label={`Loading the ${noun}`} />)}
    </>
  );
}
