import { useLayoutEffect, useRef } from 'preact/hooks';
import { useConsole } from './console-context.ts';
import { plural } from './format.ts';

interface MoreButtonProps {
  /** Path of the next page; undefined if there is none. */
  readonly next: string | undefined;
  /** Number of shown items. */
  readonly count: number;
  /** Noun for an item. */
  readonly noun: string;
  /** Loads the next page. */
  readonly onMore: () => Promise<void>;
}

/**
 * Button that loads the next page of the list in front of it. Its focus moves to the first new row. After the last page it
 * stays and says so, because a page can be empty. A list of one page has none.
 */
export function MoreButton({ next, count, noun, onMore }: MoreButtonProps) {
  const { isBusy } = useConsole();
  const button = useRef<HTMLButtonElement>(null);
  const shown = useRef(count);
  useLayoutEffect(() => {
    if (document.activeElement === button.current) {
      button.current?.previousElementSibling?.querySelectorAll<HTMLElement>('tbody th')[shown.current]?.focus();
    }
    shown.current = count;
  }, [count]);
  const hadMore = useRef(false);
  hadMore.current ||= next !== undefined;
  if (!hadMore.current) return null;
  return (
    <button
      ref={button}
      type="button"
      class="more"
      aria-disabled={isBusy || next === undefined}
      onClick={() => next !== undefined && void onMore()}
    >
      {next === undefined ? `All ${plural(count, noun)} are shown` : `Show more ${noun}s`}
    </button>
  );
}
