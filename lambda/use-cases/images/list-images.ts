import {
  compareBy,
  creationOrder,
  matchNone,
  pickSortable,
  type ImageFilter,
  type Sort,
} from '../../domain/image-filter.ts';
import { listSources, type ImageListRepository, type ImageListScope } from '../../domain/image-list.ts';
import type { Image } from '../../domain/image.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import { assertCallerMayList } from '../../domain/sharing-rules.ts';
import {
  fillInCreationOrder,
  findMarker,
  invalidMarker,
  Page,
  readAll,
  type ListPage,
  type PageSize,
  type ReadEntries,
} from '../list-page.ts';

export interface ImageListRequest extends ImageListScope {
  readonly filters: readonly ImageFilter[];
  readonly sorts: readonly Sort[];
  /** Maximum number of images of the page, 0 to 1000. */
  readonly limit: number;
  /** The id of the last image of the previous page. */
  readonly marker: string | undefined;
}

export type ListImages = (request: ImageListRequest) => Promise<ListPage<Image>>;

/**
 * Returns one page of the images that a project, or an admin of all projects, can list.
 *
 * In creation order the page starts after its marker and costs the same at any position. With filters on the records it
 * examines a bounded number of candidates and stops after a bounded number of bytes; such a page can be short, even
 * empty, and has a `next`. Any other order first reads the records of all images of the list.
 *
 * @param pageSize - the page ends before an image that would exceed this size
 * @throws SharingError `invalid-request` if the marker is missing or hidden from the caller, or the list is too long to
 *   sort
 */
export const createListImages = (
  images: ImageRepository,
  lists: ImageListRepository,
  pageSize: PageSize<Image>,
): ListImages =>
  async function listImages(request) {
    const { caller, filters, sorts, limit } = request;
    assertCallerMayList(caller);
    const marker = request.marker === undefined ? undefined : await findMarker(images, request.marker, caller);
    const sources = listSources(request);
    if (limit === 0 || sources.length === 0 || filters.includes(matchNone)) return { entries: [], next: undefined };

    const read = imageReader(lists);
    const matches: ImageFilter = (image) => filters.every((filter) => filter(image));
    const order = creationOrder(sorts);
    if (order !== undefined) {
      const page = new Page({ read, matches, limit, pageSize, isScan: filters.length > 0 });
      return fillInCreationOrder({ lists, sources, order, after: marker?.position, page });
    }
    if (marker !== undefined && marker.sharing === undefined) throw invalidMarker();
    const last = marker?.sharing && pickSortable(marker.sharing.image);
    const page = new Page({ read, matches, limit, pageSize, isScan: false });
    const matching = await readAll(lists, sources, read, (image, candidate) =>
      matches(image) ? { candidate, image: pickSortable(image) } : undefined,
    );
    const compare = compareBy(sorts);
    const candidates = matching
      .filter(({ image }) => last === undefined || compare(last, image) < 0)
      .toSorted((a, b) => compare(a.image, b.image))
      .map(({ candidate }) => candidate);
    await page.fill(candidates, false);
    return page;
  };

/** Returns the reader of a list whose entries are the images themselves. */
export const imageReader =
  (lists: ImageListRepository): ReadEntries<Image> =>
  async (candidates) => {
    const { images, bytes } = await lists.records(candidates);
    return { entries: images, bytes };
  };
