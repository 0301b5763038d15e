import { expect, test } from '@jest/globals';
import { Problem } from '../../../console/api/problem.ts';
import { createRefreshingSession, type IssuedTokens } from '../../../console/sign-in/refreshing-session.ts';

/** A session with a clock that the test sets, and the refresh tokens that it used. */
function aSession(issued: IssuedTokens, refreshed: () => Promise<IssuedTokens>) {
  const clock = { now: 0 };
  const used: string[] = [];
  const session = createRefreshingSession(
    issued,
    (refreshToken) => {
      used.push(refreshToken);
      return refreshed();
    },
    () => clock.now,
  );
  return { ...session, clock, used };
}

const first: IssuedTokens = { access_token: 'access-1', expires_in: 300, refresh_token: 'refresh-1' };
const second: IssuedTokens = { access_token: 'access-2', expires_in: 300, refresh_token: 'refresh-2' };

test('an access token is used until 30 s before its end, then replaced', async () => {
  const { token, clock, used } = aSession(first, () => Promise.resolve(second));

  clock.now = 269_999;
  expect(await token()).toBe('access-1');
  clock.now = 270_000;
  expect(await token()).toBe('access-2');
  clock.now = 539_999;
  expect(await token()).toBe('access-2');
  expect(used).toEqual(['refresh-1']);
  clock.now = 540_000;
  await token();
  expect(used).toEqual(['refresh-1', 'refresh-2']);
});

test('concurrent requests share one replacement', async () => {
  const { token, clock, used } = aSession(first, () => Promise.resolve(second));
  clock.now = 300_000;

  expect(await Promise.all([token(), token(), token()])).toEqual(['access-2', 'access-2', 'access-2']);
  expect(used).toEqual(['refresh-1']);
});

test('a refresh token stays valid if the issuer returns no new one', async () => {
  const { token, clock, used } = aSession(first, () => Promise.resolve({ access_token: 'access-2', expires_in: 300 }));

  clock.now = 300_000;
  await token();
  clock.now = 600_000;
  await token();
  expect(used).toEqual(['refresh-1', 'refresh-1']);
});

test.each<[string, IssuedTokens]>([
  ['refresh token', { access_token: 'access-1', expires_in: 300 }],
  ['lifetime', { access_token: 'access-1', refresh_token: 'refresh-1' }],
])('an access token without a %s is used until the service refuses it', async (_title, issued) => {
  const { token, clock, used } = aSession(issued, () => Promise.resolve(second));
  clock.now = 1e12;

  expect(await token()).toBe('access-1');
  expect(used).toEqual([]);
});

test('a failed replacement is a problem of the request, and the next request tries again', async () => {
  const results = [() => Promise.reject(new Problem('temporary', 'x')), () => Promise.resolve(second)];
  const { token, clock, used } = aSession(first, () => results.shift()!());
  clock.now = 300_000;

  await expect(Promise.all([token(), token()])).rejects.toMatchObject({ kind: 'temporary' });
  expect(await token()).toBe('access-2');
  expect(used).toEqual(['refresh-1', 'refresh-1']);
});

test('a temporary failure keeps a token that is still valid, and the next request tries again', async () => {
  const outcomes = [new Problem('temporary', 'Try again later.'), second];
  const { token, clock, used } = aSession(first, () => {
    const outcome = outcomes.shift();
    return outcome instanceof Problem || outcome === undefined ? Promise.reject(outcome!) : Promise.resolve(outcome);
  });
  clock.now = 280_000;
  expect(await token()).toBe('access-1');
  expect(await token()).toBe('access-2');
  expect(used).toEqual(['refresh-1', 'refresh-1']);
});

test('a temporary failure after the end of the token is a failure', async () => {
  const { token, clock } = aSession(first, () => Promise.reject(new Problem('temporary', 'Try again later.')));
  clock.now = 300_000;
  await expect(token()).rejects.toThrow('Try again later.');
});

test('a temporary failure that arrives after the end of the token is a failure', async () => {
  const { token, clock } = aSession(first, () => {
    clock.now = 300_000;
    return Promise.reject(new Problem('temporary', 'Try again later.'));
  });
  clock.now = 280_000;
  await expect(token()).rejects.toThrow('Try again later.');
});

test('a response without a lifetime or a refresh token keeps those of the previous one', async () => {
  const answers = [{ access_token: 'access-2' }, { access_token: 'access-3', expires_in: null, refresh_token: null }];
  const { token, clock, used } = aSession(first, () => Promise.resolve(answers.shift() as unknown as IssuedTokens));
  clock.now = 270_000;
  expect(await token()).toBe('access-2');
  clock.now = 270_000 + 269_999;
  expect(await token()).toBe('access-2');
  clock.now = 270_000 + 270_000;
  expect(await token()).toBe('access-3');
  expect(used).toEqual(['refresh-1', 'refresh-1']);
});
