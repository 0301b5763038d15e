import { invalidRequest } from '../domain/errors.ts';
import { parseImageId, type ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import {
  compareBy,
  creationOrder,
  noImage,
  type ImageFilter,
  type Sort,
  type SortDirection,
} from '../domain/image-filter.ts';
import { imageSources, type ImageListRepository, type ImageListScope, type ImageSource } from '../domain/image-list.ts';
import type { Image } from '../domain/image.ts';
import { assertCallerMayList, isImageVisible } from '../domain/sharing-rules.ts';

export interface ImageListRequest extends ImageListScope {
  readonly filters: readonly ImageFilter[];
  readonly sorts: readonly Sort[];
  /** How many images at the most, 0 to 1000. */
  readonly limit: number;
  /** The id of the last image of the page before. */
  readonly marker: string | undefined;
}

export interface ImagePage {
  readonly images: readonly Image[];
  /** The marker of the next page, exactly where more images may follow. */
  readonly next: ImageId | undefined;
}

export type ListImages = (request: ImageListRequest) => Promise<ImagePage>;

/** How many records one page looks through for those that its filters let pass. */
export const mostExamined = 2000;
/** How many images can be sorted by anything but their creation: they are all read for it. */
export const mostSorted = 5000;
/** How many records are read at once where not every one will be shown. */
const round = 500;
/** Where a page ends early: a function answers 6 MB at the most, and JSON can be longer than what it is made of. */
const mostPageBytes = 3_000_000;

/**
 * One page of the images that a project, or an admin of all projects, has before it.
 *
 * In creation order it is read from where the marker stands, whatever the number of images before or behind. A filter on
 * the records looks through {@link mostExamined} of them at the most; the page may then be short and still has a `next`.
 * Any other order reads all images first, of which there may be {@link mostSorted}.
 *
 * @throws SharingError `invalid-request` for a marker that the caller cannot see, and for too many images to sort
 */
export const createListImages =
  (images: ImageRepository, lists: ImageListRepository): ListImages =>
  async (request) => {
    const { caller, filters, sorts, limit } = request;
    assertCallerMayList(caller);
    const marker = request.marker === undefined ? undefined : await findMarker(images, request.marker, request);
    const sources = imageSources(request);
    if (limit === 0 || sources.length === 0 || filters.includes(noImage)) return { images: [], next: undefined };
    const matches: ImageFilter = (image) => filters.every((filter) => filter(image));
    const order = creationOrder(sorts);
    if (order !== undefined) return inCreationOrder(lists, sources, order, marker, matches, limit, filters.length > 0);

    const compare = compareBy(sorts);
    const sorted = (await readAll(lists, sources)).filter(matches).sort(compare);
    const rest = marker === undefined ? sorted : sorted.filter((image) => compare(marker, image) < 0);
    return cut(rest, limit);
  };

async function findMarker(images: ImageRepository, marker: string, { caller }: ImageListScope): Promise<Image> {
  const imageId = parseImageId(marker);
  const sharing = imageId && (await images.find(imageId, [caller.projectId]));
  if (sharing === undefined || !isImageVisible(caller, sharing)) {
    throw invalidRequest('"marker" names no image that can be seen; use the "next" link of the page before.');
  }
  return sharing.image;
}

async function inCreationOrder(
  lists: ImageListRepository,
  sources: readonly ImageSource[],
  order: SortDirection,
  marker: Image | undefined,
  matches: ImageFilter,
  limit: number,
  filtered: boolean,
): Promise<ImagePage> {
  const found: Image[] = [];
  let after: Parameters<ImageListRepository['page']>[2] = marker;
  let seen: Image | undefined;
  for (let examined = 0; ;) {
    const page = await lists.page(sources, order, after, filtered ? round : limit - found.length);
    found.push(...page.images.filter(matches));
    seen = page.images.at(-1) ?? seen;
    examined += page.images.length;
    const full =
      found.length > limit || (found.length === limit && page.next !== undefined) || bytesOf(found) > mostPageBytes;
    if (full) return cut(found, limit, page.next !== undefined);
    if (page.next === undefined) return { images: found, next: undefined };
    if (examined >= mostExamined) return { images: found, next: seen?.id };
    after = page.next;
  }
}

/** As many images as fit a page; `more` says that others follow even after the last of them. */
function cut(images: readonly Image[], limit: number, more = false): ImagePage {
  const shown: Image[] = [];
  let bytes = 0;
  for (const image of images.slice(0, limit)) {
    bytes += bytesOf([image]);
    if (shown.length > 0 && bytes > mostPageBytes) break;
    shown.push(image);
  }
  return { images: shown, next: more || shown.length < images.length ? shown.at(-1)?.id : undefined };
}

const bytesOf = (images: readonly Image[]): number =>
  images.reduce((sum, image) => sum + 1000 + Buffer.byteLength(JSON.stringify([image.properties, image.tags])), 0);

async function readAll(lists: ImageListRepository, sources: readonly ImageSource[]): Promise<Image[]> {
  const all: Image[] = [];
  let after: Parameters<ImageListRepository['page']>[2];
  do {
    const page = await lists.page(sources, 'desc', after, round);
    all.push(...page.images);
    if (all.length > mostSorted) {
      throw invalidRequest(`More than ${mostSorted} images cannot be sorted; narrow the list or sort by created_at.`);
    }
    after = page.next;
  } while (after !== undefined);
  return all;
}
