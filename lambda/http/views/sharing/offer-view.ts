import type { OfferedImage } from '../../../domain/repositories/membership-list-repository.ts';
import type { ListPage, PageSize } from '../../../use-cases/list-page.ts';
import { lastParameters } from '../../requests/query-parameters.ts';
import { encodedBytes, imageView, maxPageBytes } from '../image-view.ts';
import { memberTag } from '../member-view.ts';
import { pageLinks } from '../page-links.ts';

/** Returns the view of an offer with the image as the Image API shows it. */
const offerView = ({ image, membership }: OfferedImage) => ({
  status: membership.status,
  offered_at: membership.createdAt,
  offered_by: membership.offeredBy ?? null,
  answered_at: membership.answeredAt ?? null,
  expires_at: membership.expiresAt ?? null,
  etag: memberTag(membership),
  image: imageView(image),
  schema: '/sharing/v1/schemas/offer',
});

/** Size limit of a page of offers: that of a page of images. */
export const offersPageSize: PageSize<OfferedImage> = {
  sizeOf: (offer) => encodedBytes(offerView(offer)),
  maxBytes: maxPageBytes,
};

/** Returns the view of a page of offers. @param query - the request's query, which its links repeat */
export function offersView({ entries, next }: ListPage<OfferedImage>, query: URLSearchParams) {
  return {
    offers: entries.map(offerView),
    ...pageLinks('/sharing/v1/offers', lastParameters(query), next),
    schema: '/sharing/v1/schemas/offers',
  };
}
