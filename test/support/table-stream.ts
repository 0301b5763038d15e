import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { StreamReader } from '../../infra/local/dynamodb/stream-reader.ts';
import { localCredentials, localRegion } from '../../infra/local/template/template-values.ts';
import type { TestTable } from './engine.ts';

/** Reads the stream of a table from its first record. */
export interface TestStream {
  /** Returns the next records in the format of a function's event, or an empty list at the end. */
  next(atMost?: number): Promise<readonly DynamoDBRecord[]>;
  close(): void;
}

/** Opens the stream of a table. */
export async function openTestStream({ client, endpoint, tableName }: TestTable): Promise<TestStream> {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  const streams = new DynamoDBStreamsClient({ endpoint, region: localRegion, credentials: localCredentials });
  const reader = new StreamReader(streams, table!.LatestStreamArn!, undefined);
  return {
    next: (atMost = 1000) => reader.next(atMost),
    close: () => streams.destroy(),
  };
}
