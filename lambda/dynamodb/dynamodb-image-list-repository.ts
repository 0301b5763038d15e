import type { Image } from '../domain/image.ts';
import {
  matchesSource,
  type ImageListRepository,
  type ListSource,
  type ListCandidate,
  type ListPosition,
} from '../domain/image-list.ts';
import { names, values } from './expression.ts';
import { imageFromItem } from './items/image-item.ts';
import {
  catalogIndex,
  catalogSortKey,
  publicOrCommunityPartition,
  publicOrCommunitySegment,
  imageKey,
  indexOfStatus,
  listKey,
  membershipIndex,
  membershipSegment,
  ownedSegment,
  partitionKey,
  parseListKey,
  projectPartition,
  segmentBounds,
  type ListSegment,
} from './keys.ts';
import type { Item, Table } from './table.ts';

/** Where a run of images stands in the table: an index, a partition of it and the shelf there. */
interface IndexRange {
  readonly index: string;
  readonly partition: { readonly name: string; readonly value: string };
  readonly sort: string;
  readonly shelf: ListSegment;
}

/** The candidates of one source, and the position of the last entry that was read if more may follow it. */
interface SourceRead {
  readonly candidates: readonly ListCandidate[];
  readonly readUntil: ListPosition | undefined;
}

/**
 * Maximum number of pages of a megabyte that one call reads of a source whose entries are filtered: four hold some 17,000
 * entries, cost a thousand read units and take less than a second. Other sources end at the number of candidates.
 */
const maxFilteredPages = 4;

/** Lists of images from the sparse indexes of the table. */
export class DynamoDbImageListRepository implements ImageListRepository {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  async candidates(
    ...[sources, order, after, count]: Parameters<ImageListRepository['candidates']>
  ): ReturnType<ImageListRepository['candidates']> {
    const reads = await Promise.all(sources.map((source) => this.#read(source, order, after, count + 1)));
    const merged = merge(reads, order);
    // Behind the entry where the reading of one source ended, an image of that source may come before another's.
    const [readUntil] = reads.flatMap((read) => read.readUntil ?? []).sort(byOrder(order));
    const known =
      readUntil === undefined ? merged : merged.filter(({ position }) => byOrder(order)(position, readUntil) <= 0);
    const candidates = known.slice(0, count);
    return { candidates, next: known.length > count ? candidates.at(-1)?.position : readUntil };
  }

  async records(candidates: readonly ListCandidate[]): ReturnType<ImageListRepository['records']> {
    const items = await this.#table.get(candidates.map(({ position }) => imageKey(position.id)));
    const images = new Map(
      items.flatMap((item): [string, Image][] => {
        const image = imageFromItem(item);
        return image === undefined ? [] : [[image.id, image]];
      }),
    );
    return {
      images: candidates.map(({ position, sources }) => {
        const image = images.get(position.id);
        return image !== undefined && sources.some((source) => matchesSource(image, source)) ? image : undefined;
      }),
      bytes: items.reduce((sum, item) => sum + Buffer.byteLength(JSON.stringify(item)), 0),
    };
  }

  /** The next candidates of one source: `count` of them, if there are so many among the entries that are read. */
  async #read(
    source: ListSource,
    order: 'asc' | 'desc',
    after: ListPosition | undefined,
    count: number,
  ): Promise<SourceRead> {
    const { index, partition, sort, shelf } = indexRangeOf(source);
    const [low, high] = segmentBounds(shelf);
    const from = after && listKey(shelf, after);
    const bounds = order === 'desc' ? [low, from ?? high] : [from ?? low, high];
    const filter = filterOf(source);
    const enough = from === undefined ? count : count + 1; // the place to go on from is within the bounds
    const isFiltered = filter.clauses.length > 0;
    const { items, lastKey } = await this.#table.query(
      {
        IndexName: index,
        KeyConditionExpression: '#partition = :partition AND #sort BETWEEN :low AND :high',
        ...(isFiltered ? { FilterExpression: filter.clauses.join(' AND ') } : { Limit: enough }),
        ExpressionAttributeNames: { '#partition': partition.name, '#sort': sort, ...names(...filter.attributes) },
        ExpressionAttributeValues: values({
          partition: partition.value,
          low: bounds[0],
          high: bounds[1],
          ...filter.values,
        }),
        ScanIndexForward: order === 'asc',
      },
      { enough, ...(isFiltered && { maxPages: maxFilteredPages }), consistent: source.kind !== 'catalog' },
    );
    return {
      candidates: items
        .filter((item) => item[sort] !== from)
        .map((item) => ({ position: readPosition(item, sort), sources: [source] })),
      readUntil: lastKey && readPosition(lastKey, sort),
    };
  }
}

function indexRangeOf(source: ListSource): IndexRange {
  switch (source.kind) {
    case 'owned':
      return indexRange('listed', projectPartition(source.project), ownedSegment(source.hidden));
    case 'offered':
      return indexRange(
        source.status === 'all' ? membershipIndex : indexOfStatus[source.status],
        projectPartition(source.project),
        membershipSegment({ visibility: 'shared', hidden: source.hidden }),
      );
    case 'public-or-community':
      return indexRange(
        'listed',
        publicOrCommunityPartition(source.visibility),
        publicOrCommunitySegment(source.hidden),
      );
    case 'catalog':
      return {
        index: catalogIndex,
        partition: { name: catalogIndex, value: source.visibility },
        sort: catalogSortKey,
        shelf: ownedSegment(source.hidden),
      };
  }
}

const indexRange = (index: string, partition: string, shelf: ListSegment): IndexRange => ({
  index,
  partition: { name: partitionKey, value: partition },
  sort: index, // a local index is sorted by the attribute of its own name
  shelf,
});

/** The filter on what the index projects, where a run is narrowed further than its keys do. */
function filterOf({ owner, visibilities }: ListSource) {
  const byOwner = owner === undefined ? undefined : { owner };
  const byVisibility =
    visibilities === undefined
      ? undefined
      : Object.fromEntries(visibilities.map((visibility, n) => [`visibility_${n}`, visibility]));
  return {
    clauses: [
      ...(byOwner ? ['#owner = :owner'] : []),
      ...(byVisibility
        ? [
            `#visibility IN (${Object.keys(byVisibility)
              .map((name) => `:${name}`)
              .join(', ')})`,
          ]
        : []),
    ],
    attributes: [...(byOwner ? ['owner'] : []), ...(byVisibility ? ['visibility'] : [])],
    values: { ...byOwner, ...byVisibility },
  };
}

function readPosition(item: Item, sort: string): ListPosition {
  const position = parseListKey(String(item[sort]));
  if (position === undefined)
    throw new Error(`Item ${String(item['pk'])} / ${String(item['sk'])}: ${sort} is not a list key.`);
  return position;
}

const byOrder =
  (order: 'asc' | 'desc') =>
  (...positions: [ListPosition, ListPosition]): number => {
    const [left, right] = positions.map(({ createdAt, id }) => `${createdAt}#${id}`) as [string, string];
    return (left < right ? -1 : left > right ? 1 : 0) * (order === 'asc' ? 1 : -1);
  };

/** Several sources in one order; an image that is in more than one of them is one candidate. */
function merge(reads: readonly SourceRead[], order: 'asc' | 'desc'): readonly ListCandidate[] {
  const merged = new Map<string, ListCandidate>();
  for (const { position, sources } of reads.flatMap(({ candidates }) => candidates)) {
    merged.set(position.id, { position, sources: [...(merged.get(position.id)?.sources ?? []), ...sources] });
  }
  return [...merged.values()].sort((a, b) => byOrder(order)(a.position, b.position));
}
