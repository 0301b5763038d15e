import { useConsole } from './console-context.ts';

/** Text that appears if something takes longer than 300 ms. */
export function Progress({ label }: { readonly label: string }) {
  return <p class="progress">{label} …</p>;
}

/** Region that shows and announces that the page waits for the service, if it takes longer than 300 ms. */
export function WaitingArea() {
  const { isWaiting } = useConsole();
  return (
    <div class="busy" role="status">
      {isWaiting && <Progress label="Waiting for the service" />}
    </div>
  );
}
