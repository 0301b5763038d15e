import { describe, expect, test } from '@jest/globals';
import type { HistoryEntry, HistoryImageState, HistoryMemberState } from '../../../console/api/types.ts';
import { exactTime } from '../../../console/components/format.ts';
import { describeChange } from '../../../console/history/describe-change.ts';

const end = '2027-03-31T12:00:00Z';
const laterEnd = '2027-04-30T12:00:00Z';
const endText = exactTime(new Date(end));
const laterEndText = exactTime(new Date(laterEnd));

const entry = { id: '1:1', time: '2026-11-23T17:42:17Z' } as const;
const byOwner = { project_id: 'alpha', user_id: 'alice', via: 'http' } as const;
const byMember = { project_id: 'beta', user_id: null, via: 'http' } as const;
const byExpiry = { project_id: 'alpha', user_id: 'expiry', via: 'expiry' } as const;

const membershipChange = (
  before: HistoryMemberState | null,
  after: HistoryMemberState | null,
  by: HistoryEntry['by'] = byOwner,
): HistoryEntry => ({ ...entry, kind: 'membership', member_id: 'beta', before, after, by });

const imageChange = (before: HistoryImageState | null, after: HistoryImageState | null): HistoryEntry => ({
  ...entry,
  ...{ kind: 'image', before, after, by: byOwner },
});

const state = (status: HistoryMemberState['status'], expiresAt: string | null = null): HistoryMemberState => ({
  status,
  expires_at: expiresAt,
});

describe('a change of a membership', () => {
  test.each([
    [null, state('pending'), 'Offered'],
    [null, state('pending', end), `Offered; end set to ${endText}`],
    [null, state('accepted'), 'Offered, accepted by a standing answer'],
    [null, state('rejected', end), `Offered, rejected by a standing answer; end set to ${endText}`],
    [state('pending'), state('accepted'), 'Accepted'],
    [state('accepted', end), state('rejected', end), 'Rejected'],
    [state('rejected'), state('pending'), 'Back to waiting'],
    [state('pending'), state('pending', end), `End set to ${endText}`],
    [state('accepted', end), state('accepted', laterEnd), `End changed to ${laterEndText}`],
    [state('rejected', end), state('rejected'), 'End removed'],
    [state('pending'), state('accepted', end), `Accepted; end set to ${endText}`],
    [state('pending'), state('pending'), 'Changed'],
    [state('accepted'), null, 'Withdrawn'],
  ])('from %j to %j is "%s"', (before, after, expected) => {
    expect(describeChange(membershipChange(before, after))).toBe(expected);
  });

  test('a membership that its own project ends is withdrawn by the project', () => {
    expect(describeChange(membershipChange(state('accepted'), null, byMember))).toBe('Withdrawn by the project itself');
  });

  test.each([[byExpiry], [{ ...byExpiry, project_id: 'beta' }]])('the service ends it when it expires: %j', (by) => {
    expect(describeChange(membershipChange(state('accepted', end), null, by))).toBe('Expired');
  });
});

describe('a change of an image', () => {
  const shared = { visibility: 'shared', owner: 'alpha' } as const;

  test.each([
    [null, shared, 'Image created with the visibility shared'],
    [shared, { ...shared, visibility: 'private' }, 'Visibility changed from shared to private'],
    [shared, { ...shared, owner: 'beta' }, 'Owner changed'],
    [shared, { owner: 'beta', visibility: 'community' }, 'Visibility changed from shared to community; owner changed'],
    [shared, null, 'Image deleted'],
  ] as const)('from %j to %j is "%s"', (before, after, expected) => {
    expect(describeChange(imageChange(before, after))).toBe(expected);
  });
});
