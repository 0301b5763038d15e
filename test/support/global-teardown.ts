import { rmSync } from 'node:fs';

/** Stops the engine and removes its data after the last test. */
export default async function globalTeardown(): Promise<void> {
  await globalThis.testRun?.engine.stop();
  if (globalThis.testRun) rmSync(globalThis.testRun.folder, { recursive: true });
}
