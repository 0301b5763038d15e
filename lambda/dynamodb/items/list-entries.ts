import { isPublicOrCommunity, type ReplicatedAttributes } from '../../domain/image.ts';
import type { ListPosition } from '../../domain/image-list.ts';
import { replicatedItemAttributes } from './image-item.ts';
import {
  publicOrCommunityKey,
  publicOrCommunitySegment,
  itemFormat,
  listKey,
  ownedKey,
  ownedSegment,
  type ItemKey,
  type ListSegment,
} from '../keys.ts';
import type { TransactAction } from '../table.ts';

type Entry = ItemKey & Readonly<Record<string, unknown>>;

/** Returns the list entries of an image: one of its owner and, if it is public or community, one of its visibility. */
function listEntries(image: ListPosition, attributes: ReplicatedAttributes): readonly Entry[] {
  const { owner, visibility, hidden } = attributes;
  const entry = (key: ItemKey, segment: ListSegment): Entry => ({
    ...key,
    format: itemFormat,
    listed: listKey(segment, image),
    ...replicatedItemAttributes(attributes),
  });
  const owned = entry(ownedKey(owner, image.id), ownedSegment(hidden));
  if (!isPublicOrCommunity(visibility)) return [owned];
  return [owned, entry(publicOrCommunityKey(visibility, image.id), publicOrCommunitySegment(hidden))];
}

const hasSameKey = (a: ItemKey, b: ItemKey): boolean => a.pk === b.pk && a.sk === b.sk;

/**
 * Returns the actions that update an image's list entries in the transaction that changes the image. They have no
 * condition of their own: the condition on the image's record protects them.
 *
 * @param change - the replicated attributes before and after the change; `undefined` for an image that does not exist
 */
export function listEntryActions(
  image: ListPosition,
  change: { readonly from: ReplicatedAttributes | undefined; readonly to: ReplicatedAttributes | undefined },
): readonly TransactAction[] {
  const before = change.from === undefined ? [] : listEntries(image, change.from);
  const after = change.to === undefined ? [] : listEntries(image, change.to);
  const removed = before.filter((entry) => !after.some((remaining) => hasSameKey(remaining, entry)));
  const changed = after.filter((entry) => !before.some((old) => JSON.stringify(old) === JSON.stringify(entry)));
  return [
    ...removed.map(({ pk, sk }): TransactAction => ({ Delete: { Key: { pk, sk } } })),
    ...changed.map((entry): TransactAction => ({ Put: { Item: entry } })),
  ];
}
