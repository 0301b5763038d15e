import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { UsageError } from '../../usage-error.ts';
import { localCredentials, localRegion } from '../template/template-values.ts';

/** A client of an engine that checks no credentials, whatever this machine's user has configured for the SDK. */
export function tableClient(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({ endpoint, region: localRegion, credentials: localCredentials });
}

/** @throws Refusal unless a DynamoDB-compatible engine answers at the address within some seconds */
export async function assertEngineReachable(client: DynamoDBClient, endpoint: string): Promise<void> {
  try {
    await client.send(new ListTablesCommand({ Limit: 1 }), { abortSignal: AbortSignal.timeout(5000) });
  } catch (error) {
    throw new UsageError(
      `No DynamoDB-compatible engine answers at ${endpoint} (${reason(error)}); start one there, or set DYNAMODB_ENDPOINT to where it is.`,
      { cause: error },
    );
  }
}

function reason(error: unknown): string {
  const { code, name } = error as NodeJS.ErrnoException;
  return code ?? name;
}
