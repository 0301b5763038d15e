import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { PlainJsonProtocol } from './plain-json-protocol.ts';
import { Table } from './table.ts';

/**
 * The table of this name, where the SDK's own environment says that DynamoDB is.
 *
 * Requests are sent once and repeated by {@link Table} alone: two repetitions inside each other would outlast a deadline.
 */
export const connectTable = (name: string): Table => new Table(documentClient(), name);

/**
 * The document client of every table.
 *
 * @param settings - of the client; without them its environment decides
 */
export function documentClient(settings: DynamoDBClientConfig = {}): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    maxAttempts: 1,
    // A response takes milliseconds. These limit the wait for a connection, for the beginning of a response and for the
    // rest of it, so that the request can still read or repeat before its deadline.
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: 5_000,
      socketTimeout: 5_000,
      throwOnRequestTimeout: true,
    },
    protocol: PlainJsonProtocol,
    ...settings,
  });
  // Otherwise each input and output is searched for what a log must not show, although there is no logger.
  client.middlewareStack.remove('loggerMiddleware');
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
