import type { MemberStatus } from '../api/types.ts';

/** Names of the statuses in the page. */
export const statusNames: Readonly<Record<MemberStatus, string>> = {
  pending: 'Waiting',
  accepted: 'Accepted',
  rejected: 'Rejected',
};
