import type { Member, OwnImage } from '../api/types.ts';
import { formatCount } from '../components/format.ts';

type MemberCounts = OwnImage['member_counts'];

/** Returns the numbers of members, in all and by status, in one text. A number that is a lower bound ends with `+`. */
export function describeCounts({ total, pending, accepted, rejected, at_least: atLeast }: MemberCounts): string {
  if (total === 0) return 'none';
  const format = (count: number) => formatCount(count, atLeast);
  return `${format(total)} (${format(pending)} waiting, ${format(accepted)} accepted, ${format(rejected)} rejected)`;
}

/** Counts members by status. */
export function countMembers(members: readonly Member[]): MemberCounts {
  const counts = { total: members.length, pending: 0, accepted: 0, rejected: 0 };
  for (const { status } of members) counts[status]++;
  return counts;
}
