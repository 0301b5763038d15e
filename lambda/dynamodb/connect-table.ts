import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { PlainJsonProtocol } from './plain-json-protocol.ts';
import { Table } from './table.ts';

/**
 * Returns the table with this name, at the DynamoDB endpoint of the SDK's environment variables.
 *
 * The SDK sends each request once. Only {@link Table} repeats it: nested repetitions would outlast a deadline.
 */
export const connectTable = (name: string): Table => new Table(documentClient(), name);

/**
 * Creates the document client of a table.
 *
 * @param settings - override the client's own settings and those of its environment
 */
export function documentClient(settings: DynamoDBClientConfig = {}): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    maxAttempts: 1,
    // A response takes milliseconds. These timeouts limit the connection, the start and the remainder of a response, so
    // that the request can still read or repeat before its deadline.
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: 5_000,
      socketTimeout: 5_000,
      throwOnRequestTimeout: true,
    },
    protocol: PlainJsonProtocol,
    ...settings,
  });
  // This middleware searches every input and output for sensitive fields, although no logger is set.
  client.middlewareStack.remove('loggerMiddleware');
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
