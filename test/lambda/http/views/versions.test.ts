import { expect, test } from '@jest/globals';
import { isVersion, versionsView } from '../../../../lambda/http/views/versions.ts';

const minors = [17, 15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

test('the versions, newest first', () => {
  expect(versionsView('https://api.test/prod')).toEqual({
    versions: minors.map((minor) => ({
      id: `v2.${minor}`,
      status: minor === 17 ? 'CURRENT' : 'SUPPORTED',
      links: [{ rel: 'self', href: 'https://api.test/prod/v2/' }],
    })),
  });
});

test.each(['v2', ...minors.map((minor) => `v2.${minor}`)])('%s is spoken', (segment) => {
  expect(isVersion(segment)).toBe(true);
});

test.each(['', 'v1', 'v3', 'v2.14', 'v2.16', 'v2.18', 'V2', 'v2.', 'v2.01', '2', 'v2 '])('%j is not', (segment) => {
  expect(isVersion(segment)).toBe(false);
});
