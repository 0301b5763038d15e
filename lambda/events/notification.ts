import type { Change } from '../domain/change.ts';
import type { ReplicatedAttributes } from '../domain/image.ts';

/** Who publishes: the `source` of every event on the bus. */
export const notificationSource = 'image-sharing';

/** What has happened to an image or a membership: the `detail-type` of the event. */
type NotificationType = `image.${'member.' | ''}${'create' | 'update' | 'delete'}`;

/** The `detail` of an event on the bus. `docs/events.md` describes it for receivers. */
export interface Notification {
  /** Of this form; a receiver leaves aside what it does not know. */
  readonly version: 1;
  /** Of the change, not of this telling: a second one of the same change has the same. */
  readonly id: string;
  readonly type: NotificationType;
  /** Grows with every change of the same membership of an image, or of the same image. */
  readonly sequence: number;
  readonly image: { readonly id: string; readonly name: string | null; readonly owner: string };
  readonly member?: { readonly id: string; readonly membership_id: string };
  /** `null` where there was nothing. */
  readonly before: Readonly<Record<string, unknown>> | null;
  /** `null` where there is nothing any more. */
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly by: { readonly project: string; readonly user: string; readonly via: string };
  /** When the change was made, in UTC and to the second. */
  readonly time: string;
}

/**
 * What is told of a change.
 *
 * @param imageName - of the image that a membership belongs to; `null` if the member may not know it any more
 */
export function toNotification(change: Change, imageName: string | null): Notification {
  const common = {
    by: { project: change.actor.projectId, user: change.actor.userId, via: change.actor.via },
    time: change.at,
  };
  const verb = change.before === undefined ? 'create' : change.after === undefined ? 'delete' : 'update';
  if (change.kind === 'image') {
    return {
      version: 1,
      id: `${change.imageId}:${change.version}`,
      type: `image.${verb}`,
      sequence: change.version,
      image: { id: change.imageId, name: change.name, owner: change.owner },
      before: replicatedAttributesView(change.before),
      after: replicatedAttributesView(change.after),
      ...common,
    };
  }
  const statusView = (status: string | undefined) => (status === undefined ? null : { status });
  return {
    version: 1,
    id: `${change.membershipId}:${change.sequence}`,
    type: `image.member.${verb}`,
    sequence: change.sequence,
    image: { id: change.imageId, name: imageName, owner: change.owner },
    member: { id: change.memberId, membership_id: change.membershipId },
    before: statusView(change.before),
    after: statusView(change.after),
    ...common,
  };
}

const replicatedAttributesView = (facts: ReplicatedAttributes | undefined): Notification['before'] =>
  facts === undefined ? null : { owner: facts.owner, visibility: facts.visibility, os_hidden: facts.hidden };

/** What a notification is in order with: the changes of one membership of an image, or those of one image. */
export const orderingKeyOf = ({ image, member }: Notification): string =>
  member === undefined ? image.id : `${image.id} ${member.id}`;
