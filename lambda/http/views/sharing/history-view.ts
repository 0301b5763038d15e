import type { Actor } from '../../../domain/actor.ts';
import { isAdmin, type Caller } from '../../../domain/caller.ts';
import { changeId, type MembershipState } from '../../../domain/change.ts';
import type { HistoryEntry, ImageAccess } from '../../../domain/history/history-entry.ts';
import type { ImageId } from '../../../domain/ids.ts';
import type { AccessPage, ChangesPage } from '../../../use-cases/sharing/show-history.ts';
import { markerOf } from '../../requests/history-query.ts';
import { lastParameters } from '../../requests/query-parameters.ts';
import { pageLinks } from '../page-links.ts';

/** The request of a history, as far as its view repeats it or depends on it. */
interface ViewedRequest {
  readonly imageId: ImageId;
  readonly caller: Caller;
  readonly query: URLSearchParams;
}

/** Returns the view of a page of a history. */
export function historyView(page: ChangesPage | AccessPage, { imageId, caller, query }: ViewedRequest) {
  const path = `/sharing/v1/images/${imageId}/history`;
  const linksTo = (next: string | undefined) => pageLinks(path, lastParameters(query), next);
  if (page.at === undefined) {
    return {
      history: page.entries.map((entry) => entryView(entry, caller)),
      ...linksTo(page.next && markerOf(page.next)),
      schema: '/sharing/v1/schemas/history',
    };
  }
  return {
    at: page.at,
    image: accessView(page.image),
    members: page.members.map((member) => ({ member_id: member.memberId, ...stateView(member) })),
    ...linksTo(page.next),
    schema: '/sharing/v1/schemas/access',
  };
}

const entryView = (entry: HistoryEntry, caller: Caller) => ({
  id: changeId(entry.subject, entry.sequence),
  time: entry.time,
  kind: entry.kind,
  ...(entry.kind === 'membership'
    ? { member_id: entry.memberId, before: stateViewOrNull(entry.before), after: stateViewOrNull(entry.after) }
    : { before: accessView(entry.before), after: accessView(entry.after) }),
  by: actorView(entry.actor, caller),
  schema: '/sharing/v1/schemas/history-entry',
});

/** Returns the view of an actor. Only the actor's own project and an admin see the user. */
const actorView = ({ projectId, userId, via }: Actor, caller: Caller) => ({
  project_id: projectId,
  user_id: isAdmin(caller) || caller.projectId === projectId ? userId : null,
  via,
});

const stateView = ({ status, expiresAt }: MembershipState) => ({ status, expires_at: expiresAt ?? null });
const stateViewOrNull = (state: MembershipState | undefined) => (state === undefined ? null : stateView(state));
const accessView = (access: ImageAccess | undefined) =>
  access === undefined ? null : { visibility: access.visibility, owner: access.owner };
