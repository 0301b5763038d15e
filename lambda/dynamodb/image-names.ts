import type { ImageId } from '../domain/ids.ts';
import { imageKey } from './keys.ts';
import type { Table } from './table.ts';

/**
 * The names of images, deleted ones too, as they now are; one round trip for a hundred of them.
 *
 * @returns by image id; one that never was is left out
 */
export async function findImageNames(
  table: Table,
  imageIds: readonly ImageId[],
): Promise<ReadonlyMap<string, string | null>> {
  const items = await table.get([...new Set(imageIds)].map(imageKey));
  return new Map(
    // No error for a malformed record: it is not the one to be told of, and must not keep others from being told.
    items.map(({ id, name }) => [String(id), typeof name === 'string' ? name : null]),
  );
}
