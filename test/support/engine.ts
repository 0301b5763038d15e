import { randomUUID } from 'node:crypto';
import { DeleteTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ensureTable } from '../../infra/local/dynamodb/ensure-table.ts';
import { readSynthesizedStack, type SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { tableClient } from '../../infra/local/dynamodb/table-client.ts';
import { tableFromTemplate } from '../../infra/local/dynamodb/table-from-template.ts';

/** The variables by which the global setup tells every test file what it has started and synthesised. */
export const testVariables = {
  /** Address of the engine of this run. */
  endpoint: 'TEST_TABLE_ENDPOINT',
  /** Folder of the cloud assembly. */
  assembly: 'TEST_ASSEMBLY',
} as const;

/** A table of one test's own, made from the synthesised template. */
export interface TestTable {
  readonly tableName: string;
  /** Address of the engine that has it. */
  readonly endpoint: string;
  readonly client: DynamoDBClient;
  /** Removes the table and ends the client's connections. */
  drop(): Promise<void>;
}

/** Address of this run's engine, for a client of the test's own. */
export function testEndpoint(): string {
  return fromGlobalSetup(testVariables.endpoint);
}

/** The stack as the local server runs it. */
export function testStack(): SynthesizedStack {
  return readSynthesizedStack(fromGlobalSetup(testVariables.assembly));
}

/** Makes an empty table with a name of its own on this run's engine. */
export async function createTestTable(): Promise<TestTable> {
  const endpoint = testEndpoint();
  const client = tableClient(endpoint);
  const tableName = `Test-${randomUUID()}`;
  await ensureTable(client, tableFromTemplate(testStack(), tableName));
  return {
    tableName,
    endpoint,
    client,
    drop: async () => {
      await client.send(new DeleteTableCommand({ TableName: tableName }));
      client.destroy();
    },
  };
}

function fromGlobalSetup(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: Jest's global setup sets it.`);
  return value;
}
