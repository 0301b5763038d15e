import type { Actor } from '../actor.ts';
import { changeSubject, type Change, type MembershipState } from '../change.ts';
import type { Timestamp } from '../clock.ts';
import type { ImageId, ProjectId } from '../ids.ts';
import type { Image } from '../image.ts';

/** State of an image in the history: the attributes that decide about access. */
export type ImageAccess = Pick<Image, 'visibility' | 'owner'>;

/** Position of an entry in the history of its image: by time, then by sequence. */
export interface HistoryPosition {
  readonly time: Timestamp;
  /** Sequence of the membership's change, or version of the image's record. */
  readonly sequence: number;
  /** Id of the changed membership or image. */
  readonly subject: string;
}

/** Fields of every entry. */
interface AnyEntry extends HistoryPosition {
  readonly imageId: ImageId;
  readonly actor: Actor;
}

/** Entry of one change of a membership. */
export interface MembershipEntry extends AnyEntry {
  readonly kind: 'membership';
  readonly memberId: ProjectId;
  /** `undefined` if the membership did not exist. */
  readonly before: MembershipState | undefined;
  /** `undefined` if the membership has ended. */
  readonly after: MembershipState | undefined;
}

/** Entry of one change that created or deleted an image, or changed its visibility or owner. */
export interface ImageEntry extends AnyEntry {
  readonly kind: 'image';
  /** `undefined` if the image did not exist. */
  readonly before: ImageAccess | undefined;
  /** `undefined` if the image was deleted. */
  readonly after: ImageAccess | undefined;
}

/** Entry of the history of an image. */
export type HistoryEntry = MembershipEntry | ImageEntry;

/** Returns the entry of a change, or `undefined` for a change that decides nothing about access. */
export function historyEntryOf(change: Change): HistoryEntry | undefined {
  const { imageId, actor, at: time } = change;
  const common = { imageId, actor, time, subject: changeSubject(change) };
  if (change.kind === 'membership') {
    const { memberId, sequence, before, after } = change;
    return { ...common, kind: 'membership', memberId, sequence, before, after };
  }
  const [before, after] = [
    change.before && pickImageAccess(change.before),
    change.after && pickImageAccess(change.after),
  ];
  const isSame = before?.owner === after?.owner && before?.visibility === after?.visibility;
  return isSame ? undefined : { ...common, kind: 'image', sequence: change.version, before, after };
}

/** Returns only the attributes of an image that decide about access. */
export const pickImageAccess = ({ visibility, owner }: ImageAccess): ImageAccess => ({ visibility, owner });
