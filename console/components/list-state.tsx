import type { ComponentChildren } from 'preact';
import { useConsole } from './console-context.ts';
import { plural } from './format.ts';
import { focusHeading } from './heading.tsx';
import { Progress } from './progress.tsx';
import type { LoadedList } from './use-list.ts';

interface ListStateProps {
  /** Undefined until it is loaded. */
  readonly list: LoadedList<unknown> | undefined;
  /** Sentence about a failed first page. */
  readonly problem: string | undefined;
  /** Noun for the items, in the plural with an "s". */
  readonly noun: string;
  readonly children: ComponentChildren;
}

/**
 * The content of a list, after it and the project are loaded, because the role decides about the actions; until then the
 * progress, or the problem and a button to load it again.
 */
export function ListState({ list, problem, noun, children }: ListStateProps) {
  const { project, notice, invalidate } = useConsole();
  const tryAgain = () => {
    invalidate();
    focusHeading();
  };
  const isLoaded = list !== undefined && project !== undefined;
  // The message about the project has a button that loads the list too.
  const isReported = project === undefined && notice !== undefined;
  return (
    <>
      <p class="visually-hidden" role="status">
        {isLoaded && problem === undefined && (
          // A list with the same number is announced again.
          <span key={list}>{plural(list.items.length, noun.slice(0, -1))} shown</span>
        )}
      </p>
      <div role="alert">
        {problem !== undefined && !isReported && (
          <div class="notice problem">
            <p>{problem}</p>
            <button type="button" onClick={tryAgain}>
              Try again
            </button>
          </div>
        )}
      </div>
      {problem === undefined && !isReported && (isLoaded ? children : <Progress label={`Loading the ${noun}`} />)}
    </>
  );
}
