import type { ListPage } from '../../../use-cases/list-page.ts';
import type { OwnImage } from '../../../use-cases/sharing/list-own-images.ts';
import { lastParameters } from '../../requests/query-parameters.ts';
import { imageView } from '../image-view.ts';
import { pageLinks } from '../page-links.ts';

/** Returns the view of an image as the Image API shows it, and the numbers of its members. */
const ownImageView = ({ image, memberCounts: { isExact, ...counts } }: OwnImage) => ({
  ...imageView(image),
  member_counts: { ...counts, ...(!isExact && { at_least: true }) },
  schema: '/sharing/v1/schemas/image',
});

/** Returns the view of a page of own images. @param query - the request's query, which its links repeat */
export function ownImagesView({ entries, next }: ListPage<OwnImage>, query: URLSearchParams) {
  return {
    images: entries.map(ownImageView),
    ...pageLinks('/sharing/v1/images', lastParameters(query), next),
    schema: '/sharing/v1/schemas/images',
  };
}
