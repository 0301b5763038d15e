import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

/** The heading of a view. It sets the title of the page, and receives the focus after an action. */
export function Heading({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  useLayoutEffect(() => {
    document.title = `${title} – Image sharing`;
  }, [title]);
  return <h1 tabIndex={-1}>{children}</h1>;
}

/** Moves the focus to the heading of the open dialog, or else of the view. */
export function focusHeading(): void {
  (document.querySelector<HTMLElement>('dialog[open] h2') ?? document.querySelector('h1'))?.focus();
}

let origin: Element | null = null;

/** Remembers the element that starts an action. */
export function startAction(): void {
  origin = document.activeElement;
}

/** Moves the focus to the heading after an action, unless the user has moved the focus meanwhile. */
export function focusAfterAction(): void {
  if ([document.body, origin].includes(document.activeElement)) focusHeading();
}

/** Moves the focus to the heading whenever the focused element is removed, because the focus would be lost with it. */
export function keepFocus(): void {
  let last: EventTarget | null = null;
  document.addEventListener('focusin', ({ target }) => (last = target));
  new MutationObserver(() => {
    if (last instanceof Node && !last.isConnected && document.activeElement === document.body) focusHeading();
  }).observe(document.body, { childList: true, subtree: true });
}
