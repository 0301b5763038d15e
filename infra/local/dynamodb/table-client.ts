import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { UsageError } from '../../usage-error.ts';
import { localCredentials, localRegion } from '../template/template-values.ts';

/**
 * Creates a client for an engine that ignores credentials. The client does not read the SDK configuration of the user.
 */
export function tableClient(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({ endpoint, region: localRegion, credentials: localCredentials });
}

/**
 * Checks that a DynamoDB-compatible engine responds at the address within five seconds.
 *
 * @throws UsageError if it does not
 */
export async function assertEngineReachable(client: DynamoDBClient, endpoint: string): Promise<void> {
  try {
    await client.send(new ListTablesCommand({ Limit: 1 }), { abortSignal: AbortSignal.timeout(5000) });
  } catch (error) {
    throw new UsageError(
      `No DynamoDB-compatible engine responds at "DYNAMODB_ENDPOINT" (${endpoint}): ${errorCode(error)}; start an engine there or set DYNAMODB_ENDPOINT to the address of a running engine.`,
      { cause: error },
    );
  }
}

function errorCode(error: unknown): string {
  const { code, name } = error as NodeJS.ErrnoException;
  return code ?? name;
}
