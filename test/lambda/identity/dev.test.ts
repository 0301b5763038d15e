import { afterEach, expect, test } from '@jest/globals';
import { createDevVerifier } from '../../../lambda/identity/dev.ts';
import { createDevVerifier as refusedIdentity } from '../../../lambda/identity/dev-unavailable.ts';
import { createTokenVerifier } from '../../../lambda/identity/create-token-verifier.ts';

afterEach(() => {
  delete process.env['AWS_EXECUTION_ENV'];
});

test.each([
  ['dev:alice:alpha:member', { userId: 'alice', projectId: 'alpha', role: 'member' }],
  ['dev:alice:alpha:reader,member', { userId: 'alice', projectId: 'alpha', role: 'member' }],
  ['dev:root:ops:admin,reader', { userId: 'root', projectId: 'ops', role: 'admin' }],
  ['dev:alice:alpha:load-balancer_observer', { userId: 'alice', projectId: 'alpha', role: undefined }],
  ['dev:alice:alpha:', { userId: 'alice', projectId: 'alpha', role: undefined }],
  ['dev%3Aalice%3Aalpha%3Amember', { userId: 'alice', projectId: 'alpha', role: 'member' }],
  ['dev:アリス:項目:member', { userId: 'アリス', projectId: '項目', role: 'member' }],
])('the token %s proves %j', async (token, caller) => {
  expect(await createDevVerifier().verify(token)).toEqual(caller);
});

test.each([
  '',
  'dev',
  'dev:alice:alpha',
  'dev::alpha:member',
  'dev:alice::member',
  'dev:alice:alpha:member:more',
  'DEV:alice:alpha:member',
  ' dev:alice:alpha:member',
  'dev:alice:100%:member',
  'dev:alice%00:alpha:member',
  'prod:alice:alpha:member',
  'dev:alice:a/b:member',
  'dev:alice:..:member',
  `dev:alice:${'x'.repeat(256)}:member`,
])('the token %j proves nobody', async (token) => {
  expect(await createDevVerifier().verify(token)).toBeUndefined();
});

const noSecret = () => Promise.reject(new Error('There is no secret.'));

test('there is no test identity inside Lambda', () => {
  process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs24.x';

  expect(() => createTokenVerifier({ identity: 'dev' }, noSecret)).toThrow(
    'IDENTITY is "dev", which is for the local server only.',
  );
});

test('there is no test identity in a deployable bundle', () => {
  expect(() => refusedIdentity()).toThrow('IDENTITY is "dev", which is for the local server only.');
});

test('a stack without an identity provider refuses every token', async () => {
  const source = createTokenVerifier({ identity: 'none' }, noSecret);

  expect(source.challenge).toBe('Bearer');
  expect(await source.verify('dev:alice:alpha:admin')).toBeUndefined();
});
