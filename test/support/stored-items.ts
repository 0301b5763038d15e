import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { TestTable } from './engine.ts';

/** An item of the table as it is stored. */
export type StoredItem = Readonly<Record<string, any>>;

/** Every item of a table, in the order of its keys. */
export async function storedItems({ client, tableName }: TestTable): Promise<readonly StoredItem[]> {
  const items: StoredItem[] = [];
  let from: Record<string, any> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({ TableName: tableName, ConsistentRead: true, ExclusiveStartKey: from }),
    );
    items.push(...(page.Items ?? []).map((item) => unmarshall(item)));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  const place = ({ pk, sk }: StoredItem): string => `${pk}\n${sk}`;
  return items.sort((a, b) => (place(a) < place(b) ? -1 : 1));
}
