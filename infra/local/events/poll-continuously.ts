import { setTimeout } from 'node:timers/promises';
import type { Writable } from 'node:stream';
import { inspect } from 'node:util';

/** Pause after a poll that found nothing or failed. */
const idlePauseMilliseconds = 100;

/**
 * Polls until the signal is aborted. Waits after a poll that found nothing or failed; a failure is logged and polling
 * continues.
 *
 * @param poll - returns true if it found something
 */
export async function pollContinuously(
  poll: () => Promise<boolean>,
  { log, signal }: { readonly log: Writable; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const hasFound = await poll().catch((error: unknown) => {
      log.write(`${inspect(error)}\n`);
      return false;
    });
    if (!hasFound) await setTimeout(idlePauseMilliseconds, undefined, { signal }).catch(() => undefined);
  }
}
