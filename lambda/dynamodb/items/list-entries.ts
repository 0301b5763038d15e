import { isForEveryone, type SharedFacts } from '../../domain/image.ts';
import type { Position } from '../../domain/image-list.ts';
import { factsAttributes } from './image-item.ts';
import {
  everyoneKey,
  everyoneShelf,
  itemFormat,
  listKey,
  ownedKey,
  ownedShelf,
  type ItemKey,
  type Shelf,
} from '../keys.ts';
import type { TransactAction } from '../table.ts';

type Entry = ItemKey & Readonly<Record<string, unknown>>;

/** The list entries of an image with these facts: its owner's, and everyone's where it is for everyone. */
function entries(image: Position, facts: SharedFacts | undefined): readonly Entry[] {
  if (facts === undefined) return [];
  const entry = (key: ItemKey, shelf: Shelf): Entry => ({
    ...key,
    format: itemFormat,
    listed: listKey(shelf, image),
    ...factsAttributes(facts),
  });
  const owned = entry(ownedKey(facts.owner, image.id), ownedShelf(facts.hidden));
  if (!isForEveryone(facts.visibility)) return [owned];
  return [owned, entry(everyoneKey(facts.visibility, image.id), everyoneShelf(facts.hidden))];
}

const sameKey = (a: ItemKey, b: ItemKey): boolean => a.pk === b.pk && a.sk === b.sk;

/**
 * The actions that bring an image's list entries from one state to another, for the transaction that changes the image;
 * `undefined` is a state without entries. Their condition is the image's own.
 */
export function moveEntries(
  image: Position,
  from: SharedFacts | undefined,
  to: SharedFacts | undefined,
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
