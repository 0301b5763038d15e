import { randomUUID } from 'node:crypto';

/** A request, the function that serves it, and the expected status if the function has all its grants. */
export interface Step {
  readonly servedBy: 'Images' | 'Members' | 'Sharing';
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
}

const owner = 'dev:alice:project-a:member';
const consumer = 'dev:bob:project-b:member';
const admin = 'dev:root:project-c:admin';

/** Returns requests for one new image: every operation on the table and a list from each index, in a valid order. */
export function everyOperation(): readonly Step[] {
  const id = randomUUID();
  const image = `/v2/images/${id}`;
  const members = `${image}/members`;
  const member = `${members}/project-b`;

  return [
    step('Images', owner, 'POST', '/v2/images', 201, { id, name: 'rehearsal' }),
    step('Images', owner, 'GET', image, 200),
    step('Images', owner, 'PUT', `${image}/tags/blue`, 204),
    step('Images', owner, 'DELETE', `${image}/tags/blue`, 204),
    step('Members', owner, 'POST', members, 200, { member: 'project-b' }),
    step('Members', owner, 'GET', members, 200),
    step('Images', consumer, 'GET', '/v2/images?member_status=pending', 200),
    step('Members', consumer, 'PUT', member, 200, { status: 'rejected' }),
    step('Images', consumer, 'GET', '/v2/images?member_status=rejected', 200),
    step('Members', consumer, 'PUT', member, 200, { status: 'accepted' }),
    step('Images', consumer, 'GET', '/v2/images', 200),
    step('Images', consumer, 'GET', '/v2/images?member_status=all', 200),
    step('Members', consumer, 'GET', member, 200),
    step('Images', admin, 'GET', '/v2/images', 200),
    step('Images', owner, 'PATCH', image, 200, [{ op: 'replace', path: '/os_hidden', value: true }]),
    step('Images', owner, 'PATCH', image, 200, [{ op: 'replace', path: '/visibility', value: 'private' }]),
    step('Images', owner, 'PATCH', image, 200, [{ op: 'replace', path: '/visibility', value: 'shared' }]),
    step('Sharing', consumer, 'GET', '/sharing/v1/project', 200),
    step('Sharing', consumer, 'GET', '/sharing/v1/offers?status=accepted', 200),
    step('Sharing', consumer, 'GET', '/sharing/v1/offers?status=all', 200),
    step('Sharing', owner, 'GET', '/sharing/v1/images', 200),
    step('Sharing', owner, 'PUT', `/sharing/v1/images/${id}/members/project-b/expiry`, 200, {
      expires_at: '2999-12-31T23:59:59Z',
    }),
    step('Sharing', owner, 'GET', `/sharing/v1/images/${id}/members`, 200),
    step('Sharing', consumer, 'POST', '/sharing/v1/answers', 200, { answers: [{ image_id: id, status: 'rejected' }] }),
    step('Sharing', consumer, 'PUT', '/sharing/v1/standing-answers/project-a', 200, { status: 'accepted' }),
    step('Sharing', consumer, 'GET', '/sharing/v1/standing-answers', 200),
    step('Sharing', consumer, 'DELETE', '/sharing/v1/standing-answers/project-a', 204),
    step('Sharing', owner, 'GET', `/sharing/v1/images/${id}/history`, 200),
    step('Sharing', consumer, 'DELETE', `/sharing/v1/memberships/${id}`, 204),
    step('Members', owner, 'POST', members, 200, { member: 'project-b' }),
    step('Members', owner, 'DELETE', member, 204),
    step('Members', owner, 'POST', members, 200, { member: 'project-b' }),
    step('Images', owner, 'DELETE', image, 204),
  ];
}

/** A change that requires a pending change. */
export type UnfinishedChange = 'hidden' | 'deleted';

/** Returns requests that create an image with a member and change it. */
export function unfinishedChange(change: UnfinishedChange): readonly Step[] {
  const id = randomUUID();
  const image = `/v2/images/${id}`;
  return [
    step('Images', owner, 'POST', '/v2/images', 201, { id, name: 'unfinished' }),
    step('Members', owner, 'POST', `${image}/members`, 200, { member: 'project-b' }),
    change === 'deleted'
      ? step('Images', owner, 'DELETE', image, 204)
      : step('Images', owner, 'PATCH', image, 200, [{ op: 'replace', path: '/os_hidden', value: true }]),
  ];
}

/** Returns an offer of an image to another project, by its owner. */
export const offerOnceMore = (image: string): Step =>
  step('Members', owner, 'POST', `${image}/members`, 200, { member: 'project-d' });

function step(
  servedBy: Step['servedBy'],
  token: string,
  method: string,
  path: string,
  status: number,
  body?: unknown,
): Step {
  const mediaType = method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
  return {
    servedBy,
    method,
    path,
    status,
    headers: { 'x-auth-token': token, ...(body === undefined ? {} : { 'content-type': mediaType }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}
