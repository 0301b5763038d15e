import { BatchGetItemCommand, QueryCommand, ScanCommand, type QueryCommandOutput } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import { visibilities } from '../../lambda/domain/image.ts';
import { publicOrCommunityKey, imagePartition, membershipKey, ownedKey } from '../../lambda/dynamodb/keys.ts';
import type { TestTable } from './engine.ts';

/** A stored item with its attributes as plain values. */
export type StoredItem = Readonly<Record<string, any>>;

type Page = Pick<QueryCommandOutput, 'Items' | 'LastEvaluatedKey'>;

/** Returns every item of a table in key order. */
export const storedItems = ({ client, tableName }: TestTable): Promise<readonly StoredItem[]> =>
  allPages((from) =>
    client.send(new ScanCommand({ TableName: tableName, ConsistentRead: true, ExclusiveStartKey: from })),
  );

/** Returns the items of an image in key order: of its partition, of these projects and of the public or community lists. */
export async function itemsOfImage(
  { client, tableName }: TestTable,
  imageId: string,
  projects: readonly string[] = ['alpha', 'beta', 'gamma'],
): Promise<readonly StoredItem[]> {
  const id = imageId as ImageId;
  const keys = [
    ...(projects as readonly ProjectId[]).flatMap((project) => [ownedKey(project, id), membershipKey(project, id)]),
    ...visibilities.map((visibility) => publicOrCommunityKey(visibility, id)),
  ];
  const [own, { Responses: elsewhere }] = await Promise.all([
    allPages((from) =>
      client.send(
        new QueryCommand({
          TableName: tableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': { S: imagePartition(id) } },
          ExclusiveStartKey: from,
        }),
      ),
    ),
    client.send(
      new BatchGetItemCommand({
        RequestItems: { [tableName]: { ConsistentRead: true, Keys: keys.map((key) => marshall(key)) } },
      }),
    ),
  ]);
  return inOrder([...own, ...(elsewhere?.[tableName] ?? []).map((item) => unmarshall(item))]);
}

async function allPages(read: (from: Page['LastEvaluatedKey']) => Promise<Page>): Promise<StoredItem[]> {
  const items: StoredItem[] = [];
  let from: Page['LastEvaluatedKey'];
  do {
    const page = await read(from);
    items.push(...(page.Items ?? []).map((item) => unmarshall(item)));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return inOrder(items);
}

const inOrder = (items: readonly StoredItem[]): StoredItem[] =>
  items.toSorted((a, b) => (`${a['pk']}\n${a['sk']}` < `${b['pk']}\n${b['sk']}` ? -1 : 1));
