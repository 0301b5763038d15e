import { expect, test } from '@jest/globals';
import { suggest } from '../../infra/suggestion.ts';

const candidates = ['identity', 'issuer', 'authUrl', 'audience'];

test.each([
  ['a swapped pair of letters', 'identiy', 'identity'],
  ['another case', 'authurl', 'authUrl'],
  ['a missing letter', 'isuer', 'issuer'],
  ['the nearest of two similar names', 'audiense', 'audience'],
])('%s suggests the right name', (_what, name, expected) => {
  expect(suggest(name, candidates)).toBe(expected);
});

test.each([['x'], ['memberQuota'], ['']])('"%s" suggests nothing', (name) => {
  expect(suggest(name, candidates)).toBeUndefined();
});
