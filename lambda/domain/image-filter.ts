import type { Image } from './image.ts';

/** Whether an image's record is one that a list was asked for. */
export type ImageFilter = (image: Image) => boolean;

/** The filter that lets no image pass: a list that is asked for it is empty without looking. */
export const matchNone: ImageFilter = () => false;

/** What a list can be sorted by (Image API v2, "List images", Sorting). */
export const sortKeys = [
  'name',
  'status',
  'container_format',
  'disk_format',
  'size',
  'id',
  'created_at',
  'updated_at',
] as const;
type SortKey = (typeof sortKeys)[number];

export const sortDirections = ['asc', 'desc'] as const;
export type SortDirection = (typeof sortDirections)[number];

export interface Sort {
  readonly key: SortKey;
  readonly direction: SortDirection;
}

/** The attributes of an image that lists are sorted by. */
export type SortableImage = Pick<
  Image,
  'id' | 'name' | 'status' | 'containerFormat' | 'diskFormat' | 'createdAt' | 'updatedAt'
>;

/** An image without all that no list is sorted by: thousands of them fit into memory. */
export const pickSortable = ({
  id,
  name,
  status,
  containerFormat,
  diskFormat,
  createdAt,
  updatedAt,
}: SortableImage): SortableImage => ({ id, name, status, containerFormat, diskFormat, createdAt, updatedAt });

const sortValue: Readonly<Record<SortKey, (image: SortableImage) => string>> = {
  name: ({ name }) => name ?? '',
  status: ({ status }) => status,
  container_format: ({ containerFormat }) => containerFormat ?? '',
  disk_format: ({ diskFormat }) => diskFormat ?? '',
  size: () => '', // an image without data has no size
  id: ({ id }) => id,
  created_at: ({ createdAt }) => createdAt,
  updated_at: ({ updatedAt }) => updatedAt,
};

/** The order of creation, if that is all that these sorts ask for: the one order that the table keeps. */
export function creationOrder(sorts: readonly Sort[]): SortDirection | undefined {
  const [first, second, ...more] = sorts;
  const byId = second === undefined || (second.key === 'id' && second.direction === first?.direction);
  return first?.key === 'created_at' && byId && more.length === 0 ? first.direction : undefined;
}

/** Compares two images by several sorts, and where these leave it open by creation time and id in the last direction. */
export function compareBy(sorts: readonly Sort[]): (a: SortableImage, b: SortableImage) => number {
  const direction = sorts.at(-1)?.direction ?? 'desc';
  const all: readonly Sort[] = [...sorts, { key: 'created_at', direction }, { key: 'id', direction }];
  return (a, b) => {
    for (const { key, direction: each } of all) {
      const [left, right] = [sortValue[key](a), sortValue[key](b)];
      if (left !== right) return left < right === (each === 'asc') ? -1 : 1;
    }
    return 0;
  };
}
