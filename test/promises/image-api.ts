import assert from 'node:assert/strict';
import type { MemberStatus } from '../../lambda/domain/membership.ts';
import type { StandingStatus } from '../../lambda/domain/standing-answer.ts';
import type { TestResponse, Service } from '../support/service.ts';
import { assertAnswered } from './world.ts';

/** Callers: the owner of an image, an admin of another project, and a member of an unrelated project. */
export const owner = 'alpha:member';
export const admin = 'root:admin';
export const stranger = 'sigma:member';
/** Returns a caller of a project with the role member. */
export const memberOf = (project: string): string => `${project}:member`;

const mediaType = 'application/openstack-images-v2.1-json-patch';

/** A client of the Image API and the sharing API with a default caller for each request. */
export interface ImageApi extends Pick<Service, 'request'> {
  /** Registers an image and returns its id. */
  create(attributes?: Readonly<Record<string, unknown>>, as?: string): Promise<string>;
  offer(imageId: string, project: string, as?: string): Promise<TestResponse>;
  answer(imageId: string, project: string, status: MemberStatus, as?: string): Promise<TestResponse>;
  withdraw(imageId: string, project: string, as?: string): Promise<TestResponse>;
  /** Offers an image until a time. Returns the response that the offer alone would get, with the membership. */
  offerUntil(imageId: string, project: string, expiresAt: string, as?: string): Promise<TestResponse>;
  /** Sets the end of a membership, or removes it. */
  changeExpiry(imageId: string, project: string, expiresAt: string | null, as?: string): Promise<TestResponse>;
  /** Ends the membership of the caller's project. */
  leave(imageId: string, project: string, as?: string): Promise<TestResponse>;
  setStandingAnswer(project: string, owner: string, status: StandingStatus, as?: string): Promise<TestResponse>;
  removeStandingAnswer(project: string, owner: string, as?: string): Promise<TestResponse>;
  /** Returns the statuses of the standing answers of a project by owner. */
  standingAnswers(project: string): Promise<Readonly<Record<string, StandingStatus>>>;
  /** Sets properties of an image. */
  patch(imageId: string, properties: Readonly<Record<string, unknown>>, as?: string): Promise<TestResponse>;
  remove(imageId: string, as?: string): Promise<TestResponse>;
  /** Starts an import from a URL that no scenario reads. */
  import(imageId: string, as?: string): Promise<TestResponse>;
  act(imageId: string, action: 'deactivate' | 'reactivate', as?: string): Promise<TestResponse>;
  show(imageId: string, as?: string): Promise<TestResponse>;
  showMember(imageId: string, project: string, as?: string): Promise<TestResponse>;
  /** Returns the statuses of the members of an image by project. */
  members(imageId: string, as?: string): Promise<Readonly<Record<string, MemberStatus>>>;
  /** Returns the ids of a page of images in its order. */
  list(as: string, query?: string): Promise<readonly string[]>;
  /** Creates an image of the owner with members of these statuses. @throws Error if a request fails */
  share(
    members: Readonly<Record<string, MemberStatus>>,
    attributes?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
}

/** Returns the client with an `If-Match` header in each request. */
export const withIfMatch = ({ request }: Pick<Service, 'request'>, tag: string): ImageApi =>
  imageApi({
    request: (method, path, options) =>
      request(method, path, { ...options, headers: { ...options?.headers, 'if-match': tag } }),
  });

/** Returns the entity tag of a response. @throws Error if it has none */
export function tagOf({ headers: { etag } }: TestResponse): string {
  assert.ok(etag, 'The response has no entity tag.');
  return etag;
}

export function imageApi({ request }: Pick<Service, 'request'>): ImageApi {
  const image = (id: string): string => `/v2/images/${id}`;
  const member = (id: string, project: string): string => `${image(id)}/members/${project}`;
  const standingAnswer = (...segments: readonly string[]): string =>
    ['/sharing/v1/standing-answers', ...segments].join('/');
  const api: ImageApi = {
    request,
    create: async (attributes = {}, as = owner) => {
      const { body } = assertAnswered(await request('POST', '/v2/images', { as, body: attributes }), 201);
      return body.id;
    },
    offer: (id, project, as = owner) => request('POST', `${image(id)}/members`, { as, body: { member_id: project } }),
    answer: (id, project, status, as = memberOf(project)) =>
      request('PUT', member(id, project), { as, body: { status } }),
    withdraw: (id, project, as = owner) => request('DELETE', member(id, project), { as }),
    offerUntil: async (id, project, expiresAt, as = owner) => {
      const body = { offers: [{ image_id: id, member_id: project, expires_at: expiresAt }] };
      const response = await request('POST', '/sharing/v1/offers', { as, body });
      if (response.status !== 200) return response;
      const { code, member: membership, ...refusal } = response.body.results[0];
      return { ...response, status: code, body: membership ?? refusal };
    },
    changeExpiry: (id, project, expiresAt, as = owner) =>
      request('PUT', `/sharing/v1/images/${id}/members/${project}/expiry`, { as, body: { expires_at: expiresAt } }),
    leave: (id, project, as = memberOf(project)) => request('DELETE', `/sharing/v1/memberships/${id}`, { as }),
    setStandingAnswer: (project, of, status, as = memberOf(project)) =>
      request('PUT', standingAnswer(of), { as, body: { status } }),
    removeStandingAnswer: (project, of, as = memberOf(project)) => request('DELETE', standingAnswer(of), { as }),
    standingAnswers: async (project) => {
      const { body } = assertAnswered(await request('GET', standingAnswer(), { as: `${project}:reader` }), 200);
      return Object.fromEntries(
        (body.standing_answers as { owner: string; status: StandingStatus }[]).map((each) => [each.owner, each.status]),
      );
    },
    patch: (id, properties, as = owner) =>
      request('PATCH', image(id), {
        as,
        body: Object.entries(properties).map(([name, value]) => ({ op: 'add', path: `/${name}`, value })),
        headers: { 'content-type': mediaType },
      }),
    remove: (id, as = owner) => request('DELETE', image(id), { as }),
    import: (id, as = owner) =>
      request('POST', `${image(id)}/import`, {
        as,
        body: { method: { name: 'web-download', uri: 'https://images.example/data' } },
      }),
    act: (id, action, as = owner) => request('POST', `${image(id)}/actions/${action}`, { as }),
    show: (id, as = owner) => request('GET', image(id), { as }),
    showMember: (id, project, as = owner) => request('GET', member(id, project), { as }),
    members: async (id, as = owner) => {
      const { body } = assertAnswered(await request('GET', `${image(id)}/members`, { as }), 200);
      return Object.fromEntries(
        (body.members as { member_id: string; status: MemberStatus }[]).map((each) => [each.member_id, each.status]),
      );
    },
    list: async (as, query = '') => {
      const { body } = assertAnswered(await request('GET', `/v2/images${query}`, { as }), 200);
      return (body.images as { id: string }[]).map(({ id }) => id);
    },
    share: async (members, attributes) => {
      const id = await api.create(attributes);
      for (const [project, status] of Object.entries(members)) {
        assertAnswered(await api.offer(id, project), 200);
        if (status !== 'pending') assertAnswered(await api.answer(id, project, status), 200);
      }
      return id;
    },
  };
  return api;
}
