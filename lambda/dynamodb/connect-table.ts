import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { Table } from './table.ts';

/**
 * The table of this name, where the SDK's own environment says that DynamoDB is.
 *
 * Requests are sent once and repeated by {@link Table} alone: two repetitions inside each other would outlast a deadline.
 */
export const connectTable = (name: string): Table => {
  const client = new DynamoDBClient({ maxAttempts: 1 });
  return new Table(DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }), name);
};
