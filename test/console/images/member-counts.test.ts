import { expect, test } from '@jest/globals';
import type { Member, MemberStatus } from '../../../console/api/types.ts';
import { countMembers, describeCounts } from '../../../console/images/member-counts.ts';

test.each([
  ['no member', { total: 0, pending: 0, accepted: 0, rejected: 0 }, 'none'],
  ['members', { total: 7, pending: 2, accepted: 5, rejected: 0 }, '7 (2 waiting, 5 accepted, 0 rejected)'],
  [
    'more members than are counted',
    { total: 1000, pending: 990, accepted: 10, rejected: 0, at_least: true },
    '1,000+ (990+ waiting, 10+ accepted, 0+ rejected)',
  ],
] as const)('the text of the numbers of %s', (_title, counts, text) => {
  expect(describeCounts(counts)).toBe(text);
});

test('members are counted in all and by status', () => {
  const statuses: readonly MemberStatus[] = ['pending', 'accepted', 'pending'];

  const counts = countMembers(statuses.map((status) => ({ status }) as Member));

  expect(counts).toEqual({ total: 3, pending: 2, accepted: 1, rejected: 0 });
  expect(countMembers([])).toEqual({ total: 0, pending: 0, accepted: 0, rejected: 0 });
});
