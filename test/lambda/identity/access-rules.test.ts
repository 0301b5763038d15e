import { expect, test } from '@jest/globals';
import { allowsRequest } from '../../../lambda/identity/access-rules.ts';

const image = '0198f0e5-0000-7000-8000-000000000000';

test.each<[string, string, boolean]>([
  ['/v2/images', '/v2/images', true],
  ['/v2/images', '/v2/images/', false],
  ['/v2/images', '/v2/imagesx', false],
  ['/v2/images', '/x/v2/images', false],
  ['/v2/images/*', `/v2/images/${image}`, true],
  ['/v2/images/*', '/v2/images/', false],
  ['/v2/images/*', `/v2/images/${image}/members`, false],
  ['/v2/images/{image_id}', `/v2/images/${image}`, true],
  ['/v2/images/{image_id}', `/v2/images/${image}/members`, false],
  ['/v2/images/{image_id}/members', `/v2/images/${image}/members`, true],
  ['/v2/images/{image_id}/members/{member_id}', `/v2/images/${image}/members/beta`, true],
  ['/v2/images/*/members/*', `/v2/images/${image}/members/beta`, true],
  ['/v2/images/*/members/*', `/v2/images/${image}/tags/beta`, false],
  ['/v2/**', `/v2/images/${image}/members/beta`, true],
  ['/v2/**', '/v2/', true],
  ['/v2/**', '/v2', false],
  ['**', '/v2/images', true],
  ['/v2/**/members', `/v2/images/${image}/members`, true],
  ['/v2/**/members', `/v2/images/${image}/members/beta`, false],
  ['/v2/image.', '/v2/images', false],
  ['/v2/images/(a|b)', '/v2/images/a', false],
  ['/v2/images/[a-z]', '/v2/images/a', false],
  ['/v2/images/{', '/v2/images/{', true],
  ['', '/v2/images', false],
])('the path %j for %j: %s', (path, pathname, allowed) => {
  expect(allowsRequest([{ service: 'image', method: 'GET', path }], 'GET', pathname)).toBe(allowed);
});

test('no rule allows nothing', () => {
  expect(allowsRequest([], 'GET', '/v2/images')).toBe(false);
});

test('a rule is for one service and one method', () => {
  const rules = [
    { service: 'compute', method: 'GET', path: '/v2/images' },
    { service: 'image', method: 'POST', path: '/v2/images' },
  ];

  expect(allowsRequest(rules, 'GET', '/v2/images')).toBe(false);
  expect(allowsRequest(rules, 'POST', '/v2/images')).toBe(true);
});

test('a path that is expensive with backtracking is matched', () => {
  const path = `${'**a'.repeat(80)}b`;

  expect(allowsRequest([{ service: 'image', method: 'GET', path }], 'GET', `/${'a'.repeat(8000)}`)).toBe(false);
});
