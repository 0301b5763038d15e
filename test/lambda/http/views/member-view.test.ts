import { expect, test } from '@jest/globals';
import type { Timestamp } from '../../../../lambda/domain/clock.ts';
import type { ImageId, ProjectId } from '../../../../lambda/domain/ids.ts';
import { membersView } from '../../../../lambda/http/views/member-view.ts';
import { maxListedMembers } from '../../../../lambda/use-cases/members/list-members.ts';

test('as many members as are ever listed fit the 6 MB of a response, be their ids the longest', () => {
  const member = {
    imageId: '71c675ab-d94f-49cd-a114-e12490b328d9' as ImageId,
    memberId: '"'.repeat(255) as ProjectId,
    status: 'accepted',
    createdAt: '2026-11-23T12:00:00Z' as Timestamp,
    updatedAt: '2026-11-23T12:00:00Z' as Timestamp,
  } as const;

  const body = JSON.stringify(membersView(Array(maxListedMembers).fill(member)));

  expect(Buffer.byteLength(JSON.stringify({ body }))).toBeLessThan(5_500_000);
});
