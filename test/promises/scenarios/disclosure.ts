import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TestResponse } from '../../support/service.ts';
import { memberOf, stranger, withIfMatch, type ImageApi } from '../image-api.ts';
import { assertAnswered, type World } from '../world.ts';
import { assertUnchanged, future, past, plantEnd, type Scenario } from './scenario.ts';

/** Returns a response without the requested image id and the request id, which differ between requests. */
function withoutIds({ status, headers, body }: TestResponse, id: string): unknown {
  const { request_id: _requestId, ...told } = (body ?? {}) as Record<string, unknown>;
  return { status, headers: Object.keys(headers), told: JSON.stringify(told).replaceAll(id, '<image>') };
}

const allRequests = (id: string, as: string, api: ImageApi): readonly [string, () => Promise<TestResponse>][] => [
  ['show', () => api.show(id, as)],
  ['change', () => api.patch(id, { name: 'mine' }, as)],
  ['delete', () => api.remove(id, as)],
  ['list its members', () => api.request('GET', `/v2/images/${id}/members`, { as })],
  ['list its members and their ends', () => api.request('GET', `/sharing/v1/images/${id}/members`, { as })],
  ['show a member', () => api.showMember(id, 'beta', as)],
  ['show oneself', () => api.showMember(id, 'sigma', as)],
  ['offer', () => api.offer(id, 'sigma', as)],
  ['offer again', () => api.offer(id, 'beta', as)],
  ['answer for oneself', () => api.answer(id, 'sigma', 'accepted', as)],
  ['answer for a member', () => api.answer(id, 'beta', 'accepted', as)],
  ['answer nonsense', () => api.answer(id, 'beta', 'nonsense' as 'accepted', as)],
  ['withdraw', () => api.withdraw(id, 'beta', as)],
  ['offer until a time', () => api.offerUntil(id, 'sigma', future, as)],
  ['change the end of a membership', () => api.changeExpiry(id, 'beta', future, as)],
  ['change the end of its own', () => api.changeExpiry(id, as.split(':')[0]!, future, as)],
  ['set an end that has passed', () => api.changeExpiry(id, 'beta', past, as)],
  ['leave', () => api.leave(id, '', as)],
  ['tag', () => api.request('PUT', `/v2/images/${id}/tags/mine`, { as })],
  ['go on after it', () => api.request('GET', `/v2/images?marker=${id}`, { as })],
];

/** The same requests with a precondition, which may not disclose the image either. */
const conditionalRequests = (id: string, as: string, api: ImageApi) => {
  const conditional = withIfMatch(api, '"other"');
  return [
    ['change the expected image', () => conditional.patch(id, { name: 'mine' }, as)],
    ['delete the expected image', () => conditional.remove(id, as)],
    ['tag the expected image', () => conditional.request('PUT', `/v2/images/${id}/tags/mine`, { as })],
    ['answer the expected offer', () => conditional.answer(id, 'sigma', 'accepted', as)],
    ['answer the expected offer of a member', () => conditional.answer(id, 'beta', 'accepted', as)],
    ['answer nonsense to the expected offer', () => conditional.answer(id, 'beta', 'nonsense' as 'accepted', as)],
    ['withdraw the expected offer', () => conditional.withdraw(id, 'beta', as)],
    [
      'show a changed member',
      () => api.request('GET', `/v2/images/${id}/members/beta`, { as, headers: { 'if-none-match': '*' } }),
    ],
    ['show a changed image', () => api.request('GET', `/v2/images/${id}`, { as, headers: { 'if-none-match': '*' } })],
  ] as const;
};

const noLongerShared = 'an image that is no longer shared';

/** Scenarios of hidden images: responses and table calls are the same as for a missing image. */
export const disclosureScenarios: readonly Scenario[] = (
  [
    ['a shared image', stranger, (api: ImageApi) => api.share({ beta: 'pending' })],
    ['a hidden image', stranger, (api: ImageApi) => api.share({ beta: 'pending' }, { os_hidden: true })],
    ['a protected image', stranger, (api: ImageApi) => api.share({ beta: 'pending' }, { protected: true })],
    ['a shared image without members', stranger, (api: ImageApi) => api.share({})],
    ['a private image', stranger, (api: ImageApi) => api.share({}, { visibility: 'private' })],
    [
      'an image at its quota',
      stranger,
      (api: ImageApi) => api.share({ beta: 'pending', gamma: 'pending', delta: 'pending' }),
    ],
    [
      noLongerShared,
      memberOf('beta'),
      async (api: ImageApi) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);
        return id;
      },
    ],
    [
      'an image after a withdrawal',
      memberOf('beta'),
      async (api: ImageApi) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.withdraw(id, 'beta'), 204);
        return id;
      },
    ],
    [
      'an image after leaving it',
      memberOf('beta'),
      async (api: ImageApi) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.leave(id, 'beta'), 204);
        return id;
      },
    ],
    [
      'an image after the end of its membership',
      memberOf('beta'),
      async (api: ImageApi, world: World) => {
        const id = await api.share({ beta: 'accepted' });
        await plantEnd(world, id, 'beta', past);
        return id;
      },
    ],
    [
      'a deleted image',
      memberOf('beta'),
      async (api: ImageApi) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.remove(id), 204);
        return id;
      },
    ],
    ['any image, without a role,', 'beta:guest', (api: ImageApi) => api.share({ beta: 'accepted' })],
    ['its own image, without a role,', 'alpha:guest', (api: ImageApi) => api.share({ beta: 'accepted' })],
  ] as const
).map(([what, as, prepare]): Scenario => ({
  name: `${as} cannot distinguish ${what} from a missing image`,
  run: async (world, api) => {
    const hidden = await prepare(api, world);
    const missing = randomUUID();

    await assertUnchanged(world, async () => {
      // The membership still exists: its project can leave the image.
      const isPossible = ([request]: readonly [string, unknown]) => what !== noLongerShared || request !== 'leave';
      const ofHidden = [...allRequests(hidden, as, api), ...conditionalRequests(hidden, as, api)].filter(isPossible);
      const ofMissing = [...allRequests(missing, as, api), ...conditionalRequests(missing, as, api)].filter(isPossible);
      for (const [n, [request, start]] of ofHidden.entries()) {
        const about = await world.proxy.record(start);
        const without = await world.proxy.record(ofMissing[n]![1]);
        const actions = ({ calls }: typeof about) => calls.map(({ action }) => action);
        assert.deepEqual(withoutIds(about.result, hidden), withoutIds(without.result, missing), request);
        assert.deepEqual(actions(about), actions(without), request);
      }
    });
  },
}));
