import type { ImageId, ProjectId } from '../domain/ids.ts';
import { imageKey, imagePartition, membershipKey, partitionKey } from './keys.ts';
import { nameFromItem } from './items/image-item.ts';
import type { Item, Table } from './table.ts';

/** A membership, and no earlier or later one of the same project. */
export interface NamedMembership {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly membershipId: string;
}

/**
 * Returns the names of images as their members may know them now: by membership id, without a membership that has ended
 * and without an image that its members cannot see. Two round trips for a hundred memberships.
 */
export async function findImageNames(
  table: Table,
  memberships: readonly NamedMembership[],
): Promise<ReadonlyMap<string, string | null>> {
  const images = await table.get([...new Set(memberships.map(({ imageId }) => imageId))].map(imageKey));
  const names = new Map(
    images.filter(({ visibility }) => visibility !== 'private').map((item) => [item[partitionKey], nameOrNull(item)]),
  );
  // After the names: a membership that exists now existed when they were read, so its end comes after every one of them.
  const keys = memberships
    .filter(({ imageId }) => names.has(imagePartition(imageId)))
    .map(({ memberId, imageId }) => membershipKey(memberId, imageId));
  const items = await table.get([...new Map(keys.map((key) => [JSON.stringify(key), key])).values()]);
  const current = new Set(items.filter(({ status }) => status !== undefined).map((item) => item['membership_id']));
  return new Map(
    memberships
      .filter(({ membershipId }) => current.has(membershipId))
      .map(({ imageId, membershipId }) => [membershipId, names.get(imagePartition(imageId)) ?? null]),
  );
}

function nameOrNull(item: Item): string | null {
  try {
    return nameFromItem(item);
  } catch {
    return null; // A malformed image record does not prevent the notifications of other items.
  }
}
