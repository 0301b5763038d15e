import type { Clock } from '../domain/clock.ts';
import type { ImageId, ProjectId } from '../domain/ids.ts';
import { endAttribute, imageKey, imagePartition, membershipKey, partitionKey } from './keys.ts';
import { isTombstone, nameFromItem } from './items/image-item.ts';
import type { Item, Table } from './table.ts';

/** One membership of a project. A later offer to the same project has another membership id. */
export interface NamedMembership {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly membershipId: string;
}

/**
 * Returns the current names of images by membership id. It omits withdrawn and expired memberships and images that are private or
 * deleted, whose names a member may not learn. 100 memberships cost two round trips.
 */
export async function findImageNames(
  table: Table,
  clock: Clock,
  memberships: readonly NamedMembership[],
): Promise<ReadonlyMap<string, string | null>> {
  const images = await table.get([...new Set(memberships.map(({ imageId }) => imageId))].map(imageKey));
  const names = new Map(
    images
      .filter((item) => !isTombstone(item) && item['visibility'] !== 'private')
      .map((item) => [item[partitionKey], nameOrNull(item)]),
  );
  // Read after the names: a membership that exists now also existed when the names were read.
  const keys = memberships
    .filter(({ imageId }) => names.has(imagePartition(imageId)))
    .map(({ memberId, imageId }) => membershipKey(memberId, imageId));
  const items = await table.get([...new Map(keys.map((key) => [JSON.stringify(key), key])).values()]);
  // Compared without parsing: a malformed membership does not prevent the notifications of other items.
  const now = clock().getTime() / 1000;
  const exists = (item: Item): boolean =>
    item['status'] !== undefined && !(Number(item[endAttribute] ?? Number.POSITIVE_INFINITY) <= now);
  const current = new Set(items.filter(exists).map((item) => item['membership_id']));
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
