import { changeId, type Change, type ImageState, type MembershipState } from '../domain/change.ts';

/** The `source` of every event that the service publishes. */
export const notificationSource = 'image-sharing';

/** The `detail-type` of a notification: a change of an image or a membership. */
type NotificationType = `image.${'member.' | ''}${'create' | 'update' | 'delete'}`;

/** The `detail` of a notification's event. `docs/events.md` describes it for receivers. */
export interface Notification {
  /** Version of this format. Receivers ignore unknown fields. */
  readonly version: 1;
  /** Id of the change: a notification that is published twice has the same id. */
  readonly id: string;
  readonly type: NotificationType;
  /** Increases with every change of the same image and project or, without `member`, of the same image. */
  readonly sequence: number;
  readonly image: { readonly id: string; readonly name: string | null; readonly owner: string };
  readonly member?: { readonly id: string; readonly membership_id: string };
  /** State before the change; `null` for a creation. */
  readonly before: Readonly<Record<string, unknown>> | null;
  /** State after the change; `null` for a deletion. */
  readonly after: Readonly<Record<string, unknown>> | null;
  /** Present if the status of an offer is the member's standing answer. */
  readonly standing_answer?: true;
  readonly by: {
    readonly project: string;
    readonly user: string;
    readonly via: string;
    /** `null` for a change that was stored without the id. */
    readonly request_id: string | null;
  };
  /** Time of the change in UTC, with a precision of one second. */
  readonly time: string;
}

/**
 * Returns the notification of a change.
 *
 * @param imageName - name of a membership's image; `null` if the project may not learn it or the change is of an image
 */
export function toNotification(change: Change, imageName: string | null): Notification {
  const { projectId, userId, via, requestId = null } = change.actor;
  const common = { by: { project: projectId, user: userId, via, request_id: requestId }, time: change.at };
  const verb = change.before === undefined ? 'create' : change.after === undefined ? 'delete' : 'update';
  if (change.kind === 'image') {
    return {
      version: 1,
      id: changeId(change.imageId, change.version),
      type: `image.${verb}`,
      sequence: change.version,
      image: { id: change.imageId, name: change.name, owner: change.owner },
      before: imageStateView(change.before),
      after: imageStateView(change.after),
      ...common,
    };
  }
  return {
    version: 1,
    id: changeId(change.membershipId, change.sequence),
    type: `image.member.${verb}`,
    sequence: change.sequence,
    image: { id: change.imageId, name: imageName, owner: change.owner },
    member: { id: change.memberId, membership_id: change.membershipId },
    before: membershipStateView(change.before),
    after: membershipStateView(change.after),
    ...(change.hasStandingAnswer && { standing_answer: true }),
    ...common,
  };
}

const membershipStateView = (state: MembershipState | undefined): Notification['before'] =>
  state === undefined
    ? null
    : { status: state.status, ...(state.expiresAt !== undefined && { expires_at: state.expiresAt }) };

const imageStateView = (state: ImageState | undefined): Notification['before'] =>
  state === undefined
    ? null
    : {
        owner: state.owner,
        visibility: state.visibility,
        os_hidden: state.hidden,
        status: state.status,
        ...(state.importError !== undefined && { import_error: state.importError }),
      };

/**
 * Returns the key of the notifications that are published in order: those of one image and project, or of one image.
 */
export const orderingKeyOf = ({ image, member }: Notification): string =>
  member === undefined ? image.id : `${image.id} ${member.id}`;
