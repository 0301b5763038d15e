import { useLayoutEffect, useRef } from 'preact/hooks';
import { useConsole, type Notice } from './console-context.ts';

/**
 * Shows the message about the last action. Both regions exist before their text, so that screen readers announce the text.
 */
export function NoticeArea() {
  const { notice } = useConsole();
  const area = useRef<HTMLDivElement>(null);
  // The focus stays at the control of a failed action, which can be far below.
  useLayoutEffect(() => {
    if (notice) area.current?.scrollIntoView({ block: 'nearest' });
  }, [notice]);
  const isProblem = notice?.isProblem === true;
  return (
    <div class="notices" ref={area}>
      <div role="status">{notice && !isProblem && <Message key={notice} notice={notice} />}</div>
      <div role="alert">{notice && isProblem && <Message key={notice} notice={notice} />}</div>
    </div>
  );
}

function Message({ notice: { text, isProblem, undo, retry } }: { readonly notice: Notice }) {
  const { run, notify } = useConsole();
  return (
    <div class={isProblem === true ? 'notice problem' : 'notice'}>
      <p>{text}</p>
      {undo && (
        <button type="button" onClick={() => void run(undo, undo)}>
          Undo
        </button>
      )}
      {retry ? (
        <button type="button" onClick={retry}>
          Try again
        </button>
      ) : (
        <button type="button" class="quiet" onClick={() => notify(undefined)}>
          Dismiss
        </button>
      )}
    </div>
  );
}
