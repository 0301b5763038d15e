import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../infra/settings/local-settings.ts';
import { synthesize } from '../../infra/local/template/synthesize.ts';
import { assertEngineReachable, tableClient } from '../../infra/local/dynamodb/table-client.ts';
import { startTableEngine, type TableEngine } from '../../infra/local/dynamodb/table-engine.ts';
import { testVariables } from './engine.ts';

/** The folder of files in memory on Linux, where the engine does not wait for a disk. */
const memory = '/dev/shm';

/** The resources that the global teardown releases, which runs in the same process. */
export interface TestRun {
  readonly engine: TableEngine;
  readonly folder: string;
}

declare global {
  var testRun: TestRun | undefined;
}

/**
 * Synthesizes the stack and starts one engine for all test files before the first test. The engine's data is removed after
 * the run. `DYNAMODB_ENDPOINT` selects another engine.
 */
export default async function globalSetup(): Promise<void> {
  process.env[testVariables.assembly] = await synthesize(console.error);

  const { tableEndpoint } = loadSettings({ DYNAMODB_ENDPOINT: process.env['DYNAMODB_ENDPOINT'] });
  if (tableEndpoint === undefined) {
    const folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'image-sharing-test-'));
    const engine = await startTableEngine(join(folder, 'table.sqlite'));
    globalThis.testRun = { engine, folder };
  }
  const endpoint = tableEndpoint ?? globalThis.testRun!.engine.endpoint;
  const client = tableClient(endpoint);
  await assertEngineReachable(client, endpoint);
  client.destroy();
  process.env[testVariables.endpoint] = endpoint;
}
