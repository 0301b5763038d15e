import type { TemplateTable } from '../../infra/local/dynamodb/table-from-template.ts';

// DynamoDB's arithmetic ("Item sizes and formats", "Read and write operations", "Capacity considerations for secondary
// indexes" in its developer guide).

/** An item as the document client reads it. */
export type StoredItem = Readonly<Record<string, unknown>>;

/** A secondary index of the table. */
export interface Index {
  readonly name: string;
  /** In the partition of its item, or in partitions of its own. */
  readonly isLocal: boolean;
  readonly partitionKey: string;
  readonly sortKey: string;
  /** Attributes of an entry: keys of table and index, and what is projected; undefined is all. */
  readonly attributes: readonly string[] | undefined;
}

const writeUnitBytes = 1024;
const readUnitBytes = 4096;
/** Most bytes of an item collection in a table with local indexes. */
export const maxCollectionBytes = 10 * 2 ** 30;
/** What storage takes for an index entry beyond its attributes. */
const entryOverheadBytes = 100;

/** Returns the secondary indexes of a table of the template. */
export function indexesOf({ create }: TemplateTable): readonly Index[] {
  const keys = (schema: readonly { readonly AttributeName?: string | undefined }[] = []) =>
    schema.map(({ AttributeName: name }) => String(name));
  const tableKeys = keys(create.KeySchema);
  return [create.LocalSecondaryIndexes ?? [], create.GlobalSecondaryIndexes ?? []].flatMap((indexes, n) =>
    indexes.map(({ IndexName: name, KeySchema: schema, Projection: projection }) => {
      const [partitionKey = '', sortKey = ''] = keys(schema);
      return {
        name: String(name),
        isLocal: n === 0,
        partitionKey,
        sortKey,
        attributes:
          projection?.ProjectionType === 'ALL'
            ? undefined
            : [...new Set([...tableKeys, partitionKey, sortKey, ...(projection?.NonKeyAttributes ?? [])])],
      };
    }),
  );
}

/** Returns the entry of an item in an index, or undefined if the item is not in it. */
export function entryOf(item: StoredItem | undefined, index: Index): StoredItem | undefined {
  if (item?.[index.partitionKey] === undefined || item[index.sortKey] === undefined) return undefined;
  const { attributes } = index;
  if (attributes === undefined) return item;
  return Object.fromEntries(Object.entries(item).filter(([name]) => attributes.includes(name)));
}

/** Returns the bytes of an item as DynamoDB counts them: names and values. */
export const itemBytes = (item: StoredItem): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  // Two digits a byte, and one byte more: an approximation, as the developer guide says.
  if (typeof value === 'number') return Math.ceil(String(value).replace(/\D/g, '').length / 2) + 1;
  if (typeof value !== 'object' || value === null) return 1;
  const elements: readonly number[] = Array.isArray(value)
    ? value.map(valueBytes)
    : Object.entries(value).map(([name, element]) => Buffer.byteLength(name) + valueBytes(element));
  return elements.reduce((sum, bytes) => sum + 1 + bytes, 3);
}

/** Returns the bytes that an item takes of its collection: its own, and those of its entries in local indexes. */
export const collectionBytes = (item: StoredItem, indexes: readonly Index[]): number =>
  indexes
    .filter(({ isLocal }) => isLocal)
    .map((index) => entryOf(item, index))
    .filter((entry) => entry !== undefined)
    .reduce((sum, entry) => sum + itemBytes(entry) + entryOverheadBytes, itemBytes(item));

const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / writeUnitBytes));

/** Returns the units to read so many bytes in one request. */
export const readUnits = (bytes: number, isConsistent: boolean): number =>
  Math.max(1, Math.ceil(bytes / readUnitBytes)) * (isConsistent ? 1 : 0.5);

/** Returns the write units of an item itself, by its states before and after the write. */
export const itemWriteUnits = (
  before: StoredItem | undefined,
  after: StoredItem | undefined,
  isTransaction: boolean,
): number =>
  writeUnits(Math.max(...[before, after].map((item) => (item === undefined ? 0 : itemBytes(item))))) *
  (isTransaction ? 2 : 1);

/**
 * Returns the write units of an item's entry in an index: a change of its key deletes one entry and puts another, and a
 * change of nothing that is projected costs nothing.
 */
export function entryWriteUnits(before: StoredItem | undefined, after: StoredItem | undefined, index: Index): number {
  const [from, to] = [entryOf(before, index), entryOf(after, index)];
  const units = (entry: StoredItem | undefined): number => (entry === undefined ? 0 : writeUnits(itemBytes(entry)));
  if (from === undefined || to === undefined) return units(from) + units(to);
  const isSameKey = from[index.partitionKey] === to[index.partitionKey] && from[index.sortKey] === to[index.sortKey];
  if (!isSameKey) return units(from) + units(to);
  return JSON.stringify(sorted(from)) === JSON.stringify(sorted(to)) ? 0 : Math.max(units(from), units(to));
}

const sorted = (entry: StoredItem): readonly unknown[] =>
  Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1));
