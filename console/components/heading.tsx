import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

/** The heading of a view. It sets the title of the page, and receives the focus after an action. */
export function Heading({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} – Image sharing`;
  }, [title]);
  return <h1 tabIndex={-1}>{children}</h1>;
}

/** Moves the focus to the heading of the view, so that the focus never gets lost with a removed element. */
export function focusHeading(): void {
  document.querySelector('h1')?.focus();
}
