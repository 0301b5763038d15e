import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Timestamp } from '../../../../lambda/domain/clock.ts';
import type { ImageId, ProjectId } from '../../../../lambda/domain/ids.ts';
import { membersView, memberTag, parseMemberTag } from '../../../../lambda/http/views/member-view.ts';
import { sharingMembersView, sharingMemberView } from '../../../../lambda/http/views/sharing/sharing-member-view.ts';
import { memberStatuses, stateOf, type Membership } from '../../../../lambda/domain/membership.ts';
import { maxListedMembers } from '../../../../lambda/use-cases/members/list-members.ts';

test.each([
  ['Image API', membersView],
  ['sharing API', sharingMembersView],
])('as many members as the %s ever lists fit the 6 MB of a response, be their ids the longest', (_api, view) => {
  const member = {
    id: '6a0f4d0c-3c0b-4f0e-8f39-0d5f6c6a5a55',
    imageId: '71c675ab-d94f-49cd-a114-e12490b328d9' as ImageId,
    memberId: '"'.repeat(255) as ProjectId,
    status: 'accepted',
    createdAt: '2026-11-23T12:00:00Z' as Timestamp,
    updatedAt: '2026-11-23T12:00:00Z' as Timestamp,
    expiresAt: '2026-11-23T12:00:00Z' as Timestamp,
    offeredBy: undefined,
    answeredAt: undefined,
  } as const;

  const body = JSON.stringify(view(Array(maxListedMembers).fill(member)));

  expect(Buffer.byteLength(JSON.stringify({ body }))).toBeLessThan(5_500_000);
});

describe('the entity tag', () => {
  const imageId = '71c675ab-d94f-49cd-a114-e12490b328d9' as ImageId;
  const memberId = 'beta' as ProjectId;
  const times = ['2026-11-23T12:00:00Z' as Timestamp, '2026-11-23T12:00:01Z' as Timestamp] as const;
  const memberships: fc.Arbitrary<Membership> = fc
    .record({
      id: fc.constantFrom('6a0f4d0c-3c0b-4f0e-8f39-0d5f6c6a5a55', '6a0f4d0c-3c0b-4f0e-8f39-0d5f6c6a5a56'),
      status: fc.constantFrom(...memberStatuses),
      updatedAt: fc.constantFrom(undefined, ...times),
      expiresAt: fc.constantFrom(undefined, ...times),
    })
    .map((state) => ({
      ...state,
      imageId,
      memberId,
      createdAt: times[0],
      offeredBy: undefined,
      answeredAt: undefined,
    }));

  test('of two states of a membership is the same if and only if their views with the end are equal', () => {
    fc.assert(
      fc.property(memberships, memberships, (a, b) => {
        const isEqual = a.id === b.id && JSON.stringify(sharingMemberView(a)) === JSON.stringify(sharingMemberView(b));
        expect(memberTag(a) === memberTag(b)).toBe(isEqual);
      }),
    );
  });

  test('is parsed to the state', () => {
    fc.assert(
      fc.property(memberships, (membership) => {
        expect(parseMemberTag(memberTag(membership))).toEqual(stateOf(membership));
      }),
    );
  });

  test.each(['""', '"membership"', '"membership/accepted"', '"//"', '"a/b/c/d/e"'] as const)(
    'of another form is parsed to a state that no membership has: %s',
    (tag) => {
      expect(parseMemberTag(tag)).toEqual({ id: tag, status: '', updatedAt: '', expiresAt: '' });
    },
  );
});
