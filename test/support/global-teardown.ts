import { rmSync } from 'node:fs';

/** After the last test of a run: ends the engine and removes its data. */
export default async function globalTeardown(): Promise<void> {
  await globalThis.testRun?.engine.stop();
  if (globalThis.testRun) rmSync(globalThis.testRun.folder, { recursive: true });
}
