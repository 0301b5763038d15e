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

/** The list entries of an image with these facts: its owner's, and everyone's where it is for everyone. */
function entries(image: ListPosition, facts: ReplicatedAttributes | undefined): readonly Entry[] {
  if (facts === undefined) return [];
  const entry = (key: ItemKey, shelf: ListSegment): Entry => ({
    ...key,
    format: itemFormat,
    listed: listKey(shelf, image),
    ...replicatedItemAttributes(facts),
  });
  const owned = entry(ownedKey(facts.owner, image.id), ownedSegment(facts.hidden));
  if (!isPublicOrCommunity(facts.visibility)) return [owned];
  return [owned, entry(publicOrCommunityKey(facts.visibility, image.id), publicOrCommunitySegment(facts.hidden))];
}

const sameKey = (a: ItemKey, b: ItemKey): boolean => a.pk === b.pk && a.sk === b.sk;

/**
 * The actions that bring an image's list entries from one state to another, for the transaction that changes the image;
 * `undefined` is a state without entries. Their condition is the image's own.
 */
export function listEntryActions(
  image: ListPosition,
  from: ReplicatedAttributes | undefined,
  to: ReplicatedAttributes | undefined,
): readonly TransactAction[] {
  const before = entries(image, from);
  const after = entries(image, to);
  const gone = before.filter((entry) => !after.some((each) => sameKey(each, entry)));
  const changed = after.filter((entry) => !before.some((each) => JSON.stringify(each) === JSON.stringify(entry)));
  return [
    ...gone.map(({ pk, sk }): TransactAction => ({ Delete: { Key: { pk, sk } } })),
    ...changed.map((entry): TransactAction => ({ Put: { Item: entry } })),
  ];
}
