import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { expect, test } from '@jest/globals';
import { localRegion } from '../../../infra/local/template-values.ts';
import { documentClient } from '../../../lambda/dynamodb/connect-table.ts';

test('the client has all middlewares of the SDK but the logger', () => {
  const standard = DynamoDBDocumentClient.from(new DynamoDBClient({ region: localRegion }));
  const names = (client: DynamoDBDocumentClient) => client.middlewareStack.identify().map((line) => line.split(' ')[0]);

  expect(names(standard)).toContain('loggerMiddleware');
  expect(names(documentClient({ region: localRegion }))).toEqual(
    names(standard).filter((name) => name !== 'loggerMiddleware'),
  );
});
