import type { Image } from '../domain/image.ts';
import { belongs, type ImageListRepository, type ImageSource, type Position } from '../domain/image-list.ts';
import { names, values } from './expression.ts';
import { imageFromItem } from './image-item.ts';
import {
  catalogIndex,
  catalogSortKey,
  everyonePartition,
  everyoneShelf,
  imageKey,
  indexOfStatus,
  listKey,
  membershipIndex,
  membershipShelf,
  ownedShelf,
  partitionKey,
  positionOf,
  projectPartition,
  shelfBounds,
  type Shelf,
} from './keys.ts';
import type { Item, Table } from './table.ts';

/** Where a run of images stands in the table: an index, a partition of it and the shelf there. */
interface Run {
  readonly index: string;
  readonly partition: { readonly name: string; readonly value: string };
  readonly sort: string;
  readonly shelf: Shelf;
}

interface Candidate {
  readonly position: Position;
  readonly sources: readonly ImageSource[];
}

/** Lists of images from the sparse indexes of the table. */
export class DynamoDbImageListRepository implements ImageListRepository {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  async page(
    ...[sources, order, after, count]: Parameters<ImageListRepository['page']>
  ): ReturnType<ImageListRepository['page']> {
    const runs = await Promise.all(sources.map((source) => this.#read(source, order, after, count + 1)));
    const candidates = merge(runs, order);
    const wanted = candidates.slice(0, count);
    const records = await this.#table.get(wanted.map(({ position }) => imageKey(position.id)));
    const images = new Map(
      records.flatMap((item): [string, Image][] => {
        const image = imageFromItem(item);
        return image === undefined ? [] : [[image.id, image]];
      }),
    );
    return {
      images: wanted.flatMap(({ position, sources: from }) => {
        const image = images.get(position.id);
        return image !== undefined && from.some((source) => belongs(image, source)) ? [image] : [];
      }),
      next: candidates.length > count ? wanted.at(-1)?.position : undefined,
    };
  }

  /** The next places of one run, at least `count` of them where there are so many. */
  async #read(
    source: ImageSource,
    order: 'asc' | 'desc',
    after: Position | undefined,
    count: number,
  ): Promise<readonly Candidate[]> {
    const { index, partition, sort, shelf } = place(source);
    const [low, high] = shelfBounds(shelf);
    const from = after && listKey(shelf, after);
    const bounds = order === 'desc' ? [low, from ?? high] : [from ?? low, high];
    const filter = narrowing(source);
    const enough = from === undefined ? count : count + 1; // the place to go on from is within the bounds
    const items = await this.#table.query(
      {
        IndexName: index,
        KeyConditionExpression: '#partition = :partition AND #sort BETWEEN :low AND :high',
        ...(filter.clauses.length === 0
          ? { Limit: enough } // nothing is filtered away
          : { FilterExpression: filter.clauses.join(' AND ') }),
        ExpressionAttributeNames: { '#partition': partition.name, '#sort': sort, ...names(...filter.attributes) },
        ExpressionAttributeValues: values({
          partition: partition.value,
          low: bounds[0],
          high: bounds[1],
          ...filter.values,
        }),
        ScanIndexForward: order === 'asc',
      },
      enough,
      source.kind !== 'catalog',
    );
    return items
      .filter((item) => item[sort] !== from)
      .map((item) => ({ position: readPosition(item, sort), sources: [source] }));
  }
}

function place(source: ImageSource): Run {
  switch (source.kind) {
    case 'owned':
      return run('listed', projectPartition(source.project), ownedShelf(source.hidden));
    case 'offered':
      return run(
        source.status === 'all' ? membershipIndex : indexOfStatus[source.status],
        projectPartition(source.project),
        membershipShelf({ visibility: 'shared', hidden: source.hidden }),
      );
    case 'everyone':
      return run('listed', everyonePartition(source.visibility), everyoneShelf(source.hidden));
    case 'catalog':
      return {
        index: catalogIndex,
        partition: { name: catalogIndex, value: source.visibility },
        sort: catalogSortKey,
        shelf: ownedShelf(source.hidden),
      };
  }
}

const run = (index: string, partition: string, shelf: Shelf): Run => ({
  index,
  partition: { name: partitionKey, value: partition },
  sort: index, // a local index is sorted by the attribute of its own name
  shelf,
});

/** The filter on what the index projects, where a run is narrowed further than its keys do. */
function narrowing({ owner, visibilities }: ImageSource) {
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

function readPosition(item: Item, sort: string): Position {
  const position = positionOf(String(item[sort]));
  if (position === undefined)
    throw new Error(`Item ${String(item['pk'])} / ${String(item['sk'])}: ${sort} is not a list key.`);
  return position;
}

const byOrder =
  (order: 'asc' | 'desc') =>
  (a: Candidate, b: Candidate): number => {
    const [left, right] = [a, b].map(({ position }) => `${position.createdAt}#${position.id}`) as [string, string];
    return (left < right ? -1 : left > right ? 1 : 0) * (order === 'asc' ? 1 : -1);
  };

/** Several runs in one order; an image that stands in more than one is one candidate. */
function merge(runs: readonly (readonly Candidate[])[], order: 'asc' | 'desc'): readonly Candidate[] {
  const merged = new Map<string, Candidate>();
  for (const candidate of runs.flat()) {
    const { id } = candidate.position;
    merged.set(id, { ...candidate, sources: [...(merged.get(id)?.sources ?? []), ...candidate.sources] });
  }
  return [...merged.values()].sort(byOrder(order));
}
