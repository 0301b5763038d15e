import { useEffect, useState } from 'preact/hooks';
import { useConsole } from './console-context.ts';

/** Text that appears if something takes longer than 300 ms. */
export function Progress({ label }: { readonly label: string }) {
  return <p class="progress">{label} …</p>;
}

const delayMilliseconds = 300;

/** Region that shows and announces that the page waits for the service, if it takes longer than 300 ms. */
export function WaitingArea() {
  const { isWaiting } = useConsole();
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = isWaiting ? setTimeout(() => setLate(true), delayMilliseconds) : undefined;
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [isWaiting]);
  return (
    <div class="busy" role="status">
      {isLate && <Progress label="Waiting for the service" />}
    </div>
  );
}
