import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createSharingApi } from '../../../console/api/sharing-api.ts';

const project = { project_id: 'beta' };

/** An API of a session whose end the test sets, and the requests that it sends. */
function anApi(respond: () => Promise<Response> = () => Promise.resolve(Response.json(project))) {
  const session = { hasEnded: false };
  const send = jest.spyOn(globalThis, 'fetch').mockImplementation(respond);
  const api = createSharingApi({ token: () => Promise.resolve('token') }, () => session.hasEnded);
  return { api, session, send };
}

/** Returns the state of a promise after all other promises have settled. */
const stateOf = async (promise: Promise<unknown>): Promise<string> => {
  const settled = promise.then(
    () => 'fulfilled',
    () => 'rejected',
  );
  return Promise.race([settled, new Promise<string>((resolve) => setImmediate(() => resolve('pending')))]);
};

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the end of a session', () => {
  test('before it, a response arrives', async () => {
    expect(await anApi().api.showProject()).toEqual(project);
  });

  test('after it, no request is sent', async () => {
    const { api, session, send } = anApi();
    session.hasEnded = true;
    expect(await stateOf(api.showProject())).toBe('pending');
    expect(send).not.toHaveBeenCalled();
  });

  test.each([
    ['response', () => Promise.resolve(Response.json(project))],
    ['refusal of the token', () => Promise.resolve(new Response('{}', { status: 401 }))],
    ['failure', () => Promise.reject(new TypeError('no network'))],
  ])('after it, no %s arrives', async (_what, respond) => {
    const arrival = Promise.withResolvers<undefined>();
    const { api, session } = anApi(async () => {
      await arrival.promise;
      return respond();
    });
    const request = api.showProject();
    await stateOf(request);
    session.hasEnded = true;
    arrival.resolve(undefined);
    expect(await stateOf(request)).toBe('pending');
  });
});

test('a token is sent without cookies, caches and redirects', async () => {
  const { api, send } = anApi();
  await api.showProject();
  expect(send.mock.calls[0]?.[1]).toMatchObject({
    ...{ credentials: 'omit', cache: 'no-store', redirect: 'error', headers: { 'x-auth-token': 'token' } },
  });
});
