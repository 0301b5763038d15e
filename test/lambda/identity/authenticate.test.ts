import { describe, expect, test } from '@jest/globals';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { Caller } from '../../../lambda/domain/caller.ts';
import { authenticate } from '../../../lambda/identity/authenticate.ts';
import { createDevVerifier } from '../../../lambda/identity/dev.ts';

type Event = {
  headers: Record<string, string>;
  requestContext: { http: { method: string }; stage: string };
  rawPath: string;
  caller?: Caller;
};

const handler = middy<Event, Caller | undefined>()
  .use(authenticate(createDevVerifier(), ({ rawPath }) => rawPath))
  .handler(({ caller }) => Promise.resolve(caller));
const request = { requestContext: { http: { method: 'GET' }, stage: '$default' }, rawPath: '/v2/images' };
const callerOf = (headers: Record<string, string>) => handler({ ...request, headers }, {} as Context);

const token = 'dev:alice:alpha:member';
const alice = { userId: 'alice', projectId: 'alpha', role: 'member' };

test.each([
  { 'x-auth-token': token },
  { authorization: `Bearer ${token}` },
  { authorization: `bearer  ${token} ` },
  { 'x-auth-token': token, authorization: `Bearer ${token}` },
  { 'x-auth-token': token, authorization: 'Basic YWxpY2U6c2VjcmV0' },
])('a token is taken from %j', async (headers) => {
  expect(await callerOf(headers)).toEqual(alice);
});

test.each<[string, Record<string, string>]>([
  ['without a token', {}],
  ['with an empty token', { 'x-auth-token': '' }],
  ['with an empty Bearer', { authorization: 'Bearer ' }],
  ['with another scheme', { authorization: `Basic ${token}` }],
  ['with two tokens that disagree', { 'x-auth-token': token, authorization: 'Bearer dev:bob:beta:member' }],
  ['with an invalid token beside a valid one', { 'x-auth-token': 'nonsense', authorization: `Bearer ${token}` }],
  ['with two words in Bearer', { authorization: `Bearer ${token} more` }],
  ['with the token in another header', { 'x-service-token': token, 'x-storage-token': token, cookie: token }],
  ['with two tokens in one header', { 'x-auth-token': `${token},${token}` }],
  [
    'that only claims an identity',
    { 'x-project-id': 'alpha', 'x-user-id': 'alice', 'x-roles': 'admin', 'x-identity-status': 'Confirmed' },
  ],
])('a request %s is refused', async (_, headers) => {
  await expect(callerOf(headers)).rejects.toMatchObject({ code: 'not-authenticated' });
});

test('identity headers do not change the caller', async () => {
  const claims = {
    'x-project-id': 'beta',
    'x-tenant-id': 'beta',
    'x-user-id': 'bob',
    'x-roles': 'admin',
    'x-role': 'admin',
  };

  expect(await callerOf({ 'x-auth-token': token, ...claims })).toEqual(alice);
});

describe('a refusal', () => {
  test.each(['dev:alice', 'secret-of-alice'])('does not repeat the token %s', async (secret) => {
    const refusal = await callerOf({ 'x-auth-token': secret }).catch((error: unknown) => error);

    expect((refusal as Error).message).not.toContain(secret);
  });
});
