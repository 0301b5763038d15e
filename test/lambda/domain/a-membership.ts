import type { Timestamp } from '../../../lambda/domain/clock.ts';
import type { ImageId, ProjectId } from '../../../lambda/domain/ids.ts';
import type { Membership } from '../../../lambda/domain/membership.ts';

/** Returns a pending membership of the project beta with the given attributes. */
export const aMembership = (attributes: Partial<Membership> = {}): Membership => ({
  id: 'membership',
  imageId: '00000000-0000-7000-8000-000000000000' as ImageId,
  memberId: 'beta' as ProjectId,
  status: 'pending',
  createdAt: '2026-11-23T12:30:00Z' as Timestamp,
  updatedAt: '2026-11-23T12:30:00Z' as Timestamp,
  offeredBy: 'alpha' as ProjectId,
  answeredAt: undefined,
  expiresAt: undefined,
  ...attributes,
});
