import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startGateway } from '../../infra/local/api-gateway/gateway.ts';
import { ensureTable } from '../../infra/local/dynamodb/ensure-table.ts';
import type { SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { tableClient } from '../../infra/local/dynamodb/table-client.ts';
import { startTableEngine } from '../../infra/local/dynamodb/table-engine.ts';
import { tableFromTemplate } from '../../infra/local/dynamodb/table-from-template.ts';
import type { TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';
import { loadFunctions, type LoadedFunctions } from './functions.ts';
import { childProcess } from './processor-time.ts';
import { httpSender, type Send } from './requests.ts';

/** The functions in this process, on an engine of their own. */
export interface InProcess {
  readonly stack: SynthesizedStack;
  readonly table: TestTable;
  readonly enginePid: number;
  /** The wire through which {@link sendRecorded} reaches the engine. */
  readonly proxy: EngineProxy;
  /** Functions that reach the engine directly: those that are measured. */
  readonly direct: LoadedFunctions;
  /** Sends a request to functions in threads of their own, whose calls go through the proxy. */
  readonly sendRecorded: Send;
  /** A folder that ends with it. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Starts an engine with an empty table and loads the functions on it. */
export async function startInProcess(stack: SynthesizedStack): Promise<InProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'image-sharing-bench-'));
  const engine = await startTableEngine(join(folder, 'table.sqlite'));
  const client: DynamoDBClient = tableClient(engine.endpoint);
  const definition = tableFromTemplate(stack);
  await ensureTable(client, definition);
  const proxy = await startEngineProxy(engine.endpoint);
  const log = new Writable({ write: (_chunk, _encoding, done) => done() });
  const gateway = await startGateway({ stack, port: 0, log, tableEndpoint: proxy.endpoint });
  const recorded = httpSender(gateway.url, 1);
  const stop = async (): Promise<void> => {
    client.destroy();
    recorded.close();
    await gateway.stop();
    await proxy.stop();
    await engine.stop();
    await rm(folder, { recursive: true });
  };
  return {
    stack,
    table: { client, tableName: definition.create.TableName, endpoint: engine.endpoint, drop: () => Promise.resolve() },
    enginePid: childProcess(process.pid, 'dynoxide'),
    proxy,
    direct: loadFunctions(stack, engine.endpoint),
    sendRecorded: recorded.send,
    folder,
    stop,
  };
}
