import { timestamp, type Clock, type Timestamp } from '../domain/clock.ts';
import type { ImageId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
import {
  matchesSource,
  type ImageListRepository,
  type ListSource,
  type ListCandidate,
  type ListPosition,
} from '../domain/image-list.ts';
import { allOf, names, values, type Clause } from './expression.ts';
import { imageFromItem } from './items/image-item.ts';
import { hasNotEnded } from './items/membership-item.ts';
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
import { bytesOf, type Item, type Query, type Table } from './table.ts';

/** The index, partition and list segment that one Query reads. */
interface IndexRange {
  readonly index: string;
  readonly partition: { readonly name: string; readonly value: string };
  /** Name of the index's sort key. */
  readonly sort: string;
  readonly segment: ListSegment;
}

type Order = 'asc' | 'desc';

/** The candidates of one source, and the position of the last entry that was read if more may follow it. */
interface SourceRead {
  readonly candidates: readonly ListCandidate[];
  readonly readUntil: ListPosition | undefined;
}

/**
 * Maximum number of 1 MB pages that one call reads of a narrowed source: four pages hold about 17,000 entries, cost
 * 1,000 read units and take less than a second. Reads of other sources end at the number of candidates.
 */
const maxNarrowedPages = 4;

/**
 * Maximum number of queries of one call that skip excluded entries: memberships whose end has passed, and images that
 * the project offers to itself. Each query reads twice as many entries as the one before. The sweeper withdraws the
 * memberships within minutes, so that a page is rarely more than one query.
 */
const maxPages = 8;

/** Maximum number of queries of one count, which reads up to 7,000 entries if most of them are excluded. */
const maxCountedPages = 3;

/** Lists of images, read from the sparse indexes of the table. */
export class DynamoDbImageListRepository implements ImageListRepository {
  readonly #table: Table;
  readonly #clock: Clock;

  /** @param clock - tells which memberships have passed their end */
  constructor(table: Table, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  async candidates(
    sources: readonly ListSource[],
    order: Order,
    after: ListPosition | undefined,
    count: number,
  ): ReturnType<ImageListRepository['candidates']> {
    const reads = await Promise.all(sources.map((source) => this.#read(source, { order, after, count: count + 1 })));
    const comparePositions = positionComparator(order);
    const merged = mergeCandidates(reads).toSorted((a, b) => comparePositions(a.position, b.position));
    // After the entry at which the read of one source ended, unread images of that source may precede those of another.
    const [readUntil] = reads.flatMap((read) => read.readUntil ?? []).toSorted(comparePositions);
    const ordered =
      readUntil === undefined ? merged : merged.filter(({ position }) => comparePositions(position, readUntil) <= 0);
    const candidates = ordered.slice(0, count);
    return { candidates, next: ordered.length > count ? candidates.at(-1)?.position : readUntil };
  }

  async records(candidates: readonly ListCandidate[]): ReturnType<ImageListRepository['records']> {
    const items = await this.#table.get(candidates.map(({ position }) => imageKey(position.id)));
    const images = new Map<ImageId, Image>();
    for (const item of items) {
      const image = imageFromItem(item);
      if (image !== undefined) images.set(image.id, image);
    }
    return {
      images: candidates.map(({ position, sources }) => {
        const image = images.get(position.id);
        return image !== undefined && sources.some((source) => matchesSource(image, source)) ? image : undefined;
      }),
      bytes: bytesOf(items),
    };
  }

  /** Reads the next candidates of one source: `count` of them, if the read entries contain so many. */
  async #read(
    source: ListSource,
    {
      order,
      after,
      count,
    }: { readonly order: Order; readonly after: ListPosition | undefined; readonly count: number },
  ): Promise<SourceRead> {
    const { sort, segment } = indexRangeOf(source);
    const [low, high] = segmentBounds(segment);
    const from = after && listKey(segment, after);
    const enough = from === undefined ? count : count + 1; // the bounds include the position to continue after
    const isNarrowed = narrowingClauses(source).length > 0;
    const { items, lastKey } = await this.#table.query(
      {
        ...this.#query(source, order === 'desc' ? [low, from ?? high] : [from ?? low, high]),
        // The other clauses exclude few entries, so that they need no larger page.
        ...(!isNarrowed && { Limit: enough }),
        ScanIndexForward: order === 'asc',
      },
      { enough, maxPages: isNarrowed ? maxNarrowedPages : maxPages, consistent: source.kind !== 'catalog' },
    );
    return {
      candidates: items
        .filter((item) => item[sort] !== from)
        .map((item) => ({ position: readPosition(item, sort), sources: [source] })),
      readUntil: lastKey && readPosition(lastKey, sort),
    };
  }

  async count(source: ListSource, max: number): ReturnType<ImageListRepository['count']> {
    const query = this.#query(source, segmentBounds(indexRangeOf(source).segment));
    const { count, hasMore } = await this.#table.count(
      { ...query, Limit: max + 1 },
      { enough: max + 1, maxPages: maxCountedPages },
    );
    return { count: Math.min(count, max), isExact: !hasMore && count <= max };
  }

  /** Returns the query of the entries of a source between two list keys. */
  #query(source: ListSource, [low, high]: readonly [string, string]): Query {
    const { index, partition, sort } = indexRangeOf(source);
    const range: Clause = {
      expression: '#partition = :partition AND #sort BETWEEN :low AND :high',
      names: { '#partition': partition.name, '#sort': sort },
      values: values({ partition: partition.value, low, high }),
    };
    const filter = [...narrowingClauses(source), ...excludingClauses(source, timestamp(this.#clock()))];
    return {
      IndexName: index,
      KeyConditionExpression: range.expression,
      ...(filter.length > 0 && { FilterExpression: allOf(filter).expression }),
      ExpressionAttributeNames: allOf([range, ...filter]).names,
      ExpressionAttributeValues: allOf([range, ...filter]).values,
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
        segment: ownedSegment(source.hidden),
      };
  }
}

const indexRange = (index: string, partition: string, segment: ListSegment): IndexRange => ({
  index,
  partition: { name: partitionKey, value: partition },
  sort: index, // the sort key of a local index has the name of the index
  segment,
});

/** Returns the clauses on projected attributes that select few of the entries of a source's index range. */
function narrowingClauses({ owner, visibilities }: ListSource): readonly Clause[] {
  const clauses: Clause[] = [];
  if (owner !== undefined) {
    clauses.push({ expression: '#owner = :owner', names: names('owner'), values: values({ owner }) });
  }
  if (visibilities !== undefined) {
    const placeholders = visibilities.map((_, index) => `visibility_${index}`);
    clauses.push({
      expression: `#visibility IN (${placeholders.map((name) => `:${name}`).join(', ')})`,
      names: names('visibility'),
      values: values(Object.fromEntries(placeholders.map((name, index) => [name, visibilities[index]]))),
    });
  }
  return clauses;
}

/** Returns the clauses on projected attributes that exclude few of the entries of a source's index range. */
function excludingClauses(source: ListSource, now: Timestamp): readonly Clause[] {
  if (source.kind !== 'offered') return [];
  const { excludedOwner } = source;
  const notOwned: Clause = {
    expression: '#owner <> :excluded_owner',
    names: names('owner'),
    values: values({ excluded_owner: excludedOwner }),
  };
  return [hasNotEnded(now), ...(excludedOwner === undefined ? [] : [notOwned])];
}

function readPosition(item: Item, sort: string): ListPosition {
  const position = parseListKey(String(item[sort]));
  if (position === undefined)
    throw new Error(`Item ${String(item['pk'])} / ${String(item['sk'])}: ${sort} is not a list key.`);
  return position;
}

/** Returns a comparator that sorts list positions like the list keys of the index. */
function positionComparator(order: Order): (a: ListPosition, b: ListPosition) => number {
  const sortText = ({ createdAt, id }: ListPosition): string => `${createdAt}#${id}`;
  const compare = (a: ListPosition, b: ListPosition): number => {
    const [textA, textB] = [sortText(a), sortText(b)];
    if (textA === textB) return 0;
    return textA < textB ? -1 : 1;
  };
  return order === 'asc' ? compare : (a, b) => compare(b, a);
}

/** Merges the candidates of several sources. An image in more than one source is one candidate. */
function mergeCandidates(reads: readonly SourceRead[]): readonly ListCandidate[] {
  const merged = new Map<string, ListCandidate>();
  for (const { position, sources } of reads.flatMap(({ candidates }) => candidates)) {
    merged.set(position.id, { position, sources: [...(merged.get(position.id)?.sources ?? []), ...sources] });
  }
  return [...merged.values()];
}
