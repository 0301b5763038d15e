import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ensureTable } from '../../../../infra/local/dynamodb/ensure-table.ts';
import { tableClient } from '../../../../infra/local/dynamodb/table-client.ts';
import { startTableEngine } from '../../../../infra/local/dynamodb/table-engine.ts';
import { tableFromTemplate } from '../../../../infra/local/dynamodb/table-from-template.ts';
import { testStack } from '../../../support/engine.ts';
import { startProgram } from '../../../support/start-program.ts';

let folder: string;
let dataFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-engine-'));
  dataFile = join(folder, 'table.sqlite');
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Starts the engine from another process. Returns the process and the engine's address. */
async function engineOfAnotherProcess() {
  const program = `
    import { startTableEngine } from ${JSON.stringify(import.meta.resolve('../../../../infra/local/dynamodb/table-engine.ts'))};
    const engine = await startTableEngine(process.argv[1]);
    console.log(engine.endpoint);
    process.on('SIGTERM', () => engine.stop());
    await engine.failed;`;
  const parent = await startProgram({
    command: [process.execPath, '--input-type=module', '--eval', program, dataFile],
    env: process.env,
    ready: /^http:\S+$/,
  });
  return { parent, endpoint: parent.ready[0] };
}

test('acknowledged changes survive a kill of the engine and its parent', async () => {
  const table = tableFromTemplate(testStack(), 'Kept');
  const item = { pk: { S: 'a' }, sk: { S: 'b' } };
  const first = await engineOfAnotherProcess();
  const firstClient = tableClient(first.endpoint);
  await ensureTable(firstClient, table);
  await firstClient.send(new PutItemCommand({ TableName: 'Kept', Item: item }));
  await first.parent.end('SIGKILL');
  firstClient.destroy();

  const second = await startTableEngine(dataFile);
  const client = tableClient(second.endpoint);
  await ensureTable(client, table);
  const { Item: stored } = await client.send(
    new GetItemCommand({ TableName: 'Kept', Key: item, ConsistentRead: true }),
  );

  client.destroy();
  await second.stop();
  expect(stored).toEqual(item);
});

test.each(['SIGKILL', 'SIGTERM'] as const)('the engine ends with its parent, ended by %s', async (signal) => {
  const { parent, endpoint } = await engineOfAnotherProcess();
  const { hostname, port } = new URL(endpoint);
  const connection = connect(Number(port), hostname).on('error', () => undefined);
  await once(connection, 'connect');
  // Not `once`, which fails if the killed engine resets the connection.
  const connectionClosed = new Promise((resolve) => connection.resume().on('close', resolve));

  await parent.end(signal);
  await connectionClosed;

  await expect(fetch(endpoint)).rejects.toThrow('fetch failed');
});

test('an engine that was stopped has not failed', async () => {
  const engine = await startTableEngine(dataFile);

  await engine.stop();

  const failure = await Promise.race([engine.failed, Promise.resolve('none')]);
  expect(failure).toBe('none');
});

test('a file that is no database is an error with the path', async () => {
  writeFileSync(dataFile, 'This is not a database.'.repeat(100));

  const starting = startTableEngine(dataFile);

  await expect(starting).rejects.toThrow(`The embedded table engine does not start on ${dataFile}: `);
});

test.each([
  ['write', 'SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = ?1'],
  [
    'read',
    'SELECT keys_json FROM _stream_records WHERE table_name = ?1 AND shard_id = ?2 AND CAST(sequence_number AS INTEGER) > ?3 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT ?4',
  ],
])('the query of every stream %s uses the index', async (_operation, query) => {
  const engine = await startTableEngine(dataFile);
  await engine.stop();
  const again = await startTableEngine(dataFile); // keeps the existing index
  await again.stop();

  const database = new DatabaseSync(dataFile);
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${query}`).all();
  database.close();

  expect(plan.map(({ detail }) => detail)).toEqual([expect.stringMatching(/USING (COVERING )?INDEX stream_in_order/)]);
});
