import { randomUUID } from 'node:crypto';
import { DeleteTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ensureTable } from '../../infra/local/dynamodb/ensure-table.ts';
import { readSynthesizedStack, type SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { tableClient } from '../../infra/local/dynamodb/table-client.ts';
import { tableFromTemplate } from '../../infra/local/dynamodb/table-from-template.ts';

/** The environment variables that the global setup sets for every test file. */
export const testVariables = {
  /** URL of the engine of this test run. */
  endpoint: 'TEST_TABLE_ENDPOINT',
  /** Path of the folder of the cloud assembly. */
  assembly: 'TEST_ASSEMBLY',
} as const;

/** A table of one test, created from the synthesized template. */
export interface TestTable {
  readonly tableName: string;
  /** URL of its engine. */
  readonly endpoint: string;
  readonly client: DynamoDBClient;
  /** Deletes the table and closes the client. */
  drop(): Promise<void>;
}

/** Returns the URL of the engine of this test run. */
export function testEndpoint(): string {
  return fromGlobalSetup(testVariables.endpoint);
}

/** Returns the stack that the local server runs. */
export function testStack(): SynthesizedStack {
  return readSynthesizedStack(fromGlobalSetup(testVariables.assembly));
}

/** Creates an empty table with a unique name on the engine of this test run. */
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
  if (value === undefined) throw new Error(`"${variable}" is not set; the global setup of Jest sets it.`);
  return value;
}
