import type { Image } from './image.ts';

/** Returns whether a list includes an image. */
export type ImageFilter = (image: Image) => boolean;

/** Matches no image. A list with this filter is empty without a read. */
export const matchNone: ImageFilter = () => false;

/** The sort keys of an image list (Image API v2, "List images", Sorting). */
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

/** One sort key with its direction. */
export interface Sort {
  readonly key: SortKey;
  readonly direction: SortDirection;
}

/** The attributes of an image that a list can be sorted by. */
export type SortableImage = Pick<
  Image,
  'id' | 'name' | 'status' | 'containerFormat' | 'diskFormat' | 'createdAt' | 'updatedAt'
> & {
  /** In bytes; `undefined` without data. */
  readonly size: number | undefined;
};

/** Returns only the sortable attributes of an image, so that thousands of images fit into memory. */
export const pickSortable = ({
  id,
  name,
  status,
  containerFormat,
  diskFormat,
  createdAt,
  updatedAt,
  data,
}: Image): SortableImage => ({
  id,
  name,
  status,
  containerFormat,
  diskFormat,
  createdAt,
  updatedAt,
  size: data?.size,
});

const sortValue: Readonly<Record<SortKey, (image: SortableImage) => string | number>> = {
  name: ({ name }) => name ?? '',
  status: ({ status }) => status,
  container_format: ({ containerFormat }) => containerFormat ?? '',
  disk_format: ({ diskFormat }) => diskFormat ?? '',
  // An image without data is smaller than any other.
  size: ({ size = -1 }) => size,
  id: ({ id }) => id,
  created_at: ({ createdAt }) => createdAt,
  updated_at: ({ updatedAt }) => updatedAt,
};

/**
 * Returns the direction if the sorts mean creation order, the only order of the table's indexes; otherwise `undefined`.
 */
export function creationOrder(sorts: readonly Sort[]): SortDirection | undefined {
  const [first, second, ...more] = sorts;
  const byId = second === undefined || (second.key === 'id' && second.direction === first?.direction);
  return first?.key === 'created_at' && byId && more.length === 0 ? first.direction : undefined;
}

/**
 * Returns a comparison by several sorts. Creation time and id, in the last sort's direction, decide between equal
 * images.
 */
export function compareBy(sorts: readonly Sort[]): (a: SortableImage, b: SortableImage) => number {
  const direction = sorts.at(-1)?.direction ?? 'desc';
  const allSorts: readonly Sort[] = [...sorts, { key: 'created_at', direction }, { key: 'id', direction }];
  return (a, b) => {
    for (const sort of allSorts) {
      const left = sortValue[sort.key](a);
      const right = sortValue[sort.key](b);
      if (left !== right) return left < right === (sort.direction === 'asc') ? -1 : 1;
    }
    return 0;
  };
}
