import { invalidRequest } from '../domain/errors.ts';
import { parseImageId, type ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import {
  compareBy,
  creationOrder,
  matchNone,
  pickSortable,
  type ImageFilter,
  type Sort,
  type SortableImage,
  type SortDirection,
} from '../domain/image-filter.ts';
import {
  imageSources,
  type ImageListRepository,
  type ImageListScope,
  type ListSource,
  type ListCandidate,
} from '../domain/image-list.ts';
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

/** How long a page may become, in the form in which it is returned. */
export interface PageSize {
  /** The size of an image in that form. */
  readonly sizeOf: (image: Image) => number;
  /** Greater than the size of any one image. */
  readonly maxBytes: number;
}

export type ListImages = (request: ImageListRequest) => Promise<ImagePage>;

/** Maximum number of candidates that one page examines for those that its filters match. */
export const maxScannedImages = 2000;
/** Maximum number of images that are sorted by anything but their creation: the records of all of them are read. */
export const maxSortedImages = 5000;
/**
 * Number of bytes of records after which a page reads no more of them: 5,000 of 3 KB, or 120 of the largest. They cost
 * 4,000 read units, and take a tenth of the function's 1,536 MB for less than a second of its 25.
 */
export const maxReadBytes = 16 * 1024 * 1024;
/** Number of candidates that are looked up together if not every one of them will be shown. */
const scanBatchSize = 500;
/**
 * Number of records that are read in parallel: 100 first, one BatchGetItem, so that a page of up to 100 takes one round
 * trip, and 14 MB if each record is as large as it can be; then at most 200, as many as the bytes left allow if they are
 * like those before. A page of 1,000 small images takes six round trips.
 */
const firstStepSize = 100;
const maxStepSize = 200;

/**
 * Returns one page of the images that a project, or an admin of all projects, can list.
 *
 * In creation order the page is read from its marker on, whatever the number of images before or behind it. A filter on
 * the records examines at most {@link maxScannedImages} candidates and stops after {@link maxReadBytes}; the page is then
 * short, even empty, and has a `next`. Any other order reads the records of all images that match first.
 *
 * @param pageSize - the page ends before the image that would make it longer
 * @throws SharingError `invalid-request` for a marker that the caller cannot see, and if a list is too long to be sorted
 */
export const createListImages =
  (images: ImageRepository, lists: ImageListRepository, pageSize: PageSize): ListImages =>
  async (request) => {
    const { caller, filters, sorts, limit } = request;
    assertCallerMayList(caller);
    const marker = request.marker === undefined ? undefined : await findMarker(images, request.marker, request);
    const sources = imageSources(request);
    if (limit === 0 || sources.length === 0 || filters.includes(matchNone)) return { images: [], next: undefined };
    const matches: ImageFilter = (image) => filters.every((filter) => filter(image));
    const order = creationOrder(sorts);
    if (order !== undefined) {
      const page = new Page(lists, matches, limit, pageSize, filters.length > 0);
      return inCreationOrder(lists, sources, order, marker, page);
    }
    const compare = compareBy(sorts);
    const sorted = (await readAll(lists, sources, matches)).toSorted((a, b) => compare(a.image, b.image));
    const rest = marker === undefined ? sorted : sorted.filter(({ image }) => compare(marker, image) < 0);
    const page = new Page(lists, matches, limit, pageSize);
    await page.fill(
      rest.map(({ candidate }) => candidate),
      false,
    );
    return page;
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
  sources: readonly ListSource[],
  order: SortDirection,
  marker: Image | undefined,
  page: Page,
): Promise<ImagePage> {
  for (let after: Parameters<ImageListRepository['candidates']>[2] = marker; ;) {
    const count = page.batchSize;
    const { candidates, next } = await lists.candidates(sources, order, after, count);
    const hasEnded = await page.fill(candidates, next !== undefined);
    if (hasEnded || next === undefined) return page;
    if (candidates.length < count) return { images: page.images, next: next.id };
    after = next;
  }
}

/** What sorts compare of all images of a list that match; their records are not kept. */
async function readAll(
  lists: ImageListRepository,
  sources: readonly ListSource[],
  matches: ImageFilter,
): Promise<readonly { readonly candidate: ListCandidate; readonly image: SortableImage }[]> {
  const { candidates, next } = await lists.candidates(sources, 'desc', undefined, maxSortedImages);
  const found: { candidate: ListCandidate; image: SortableImage }[] = [];
  const reader = new RecordReader(lists);
  while (next === undefined && reader.bytes < maxReadBytes) {
    const rest = candidates.slice(reader.records);
    if (rest.length === 0) return found;
    for (const { candidate, image } of await reader.read(rest)) {
      if (image !== undefined && matches(image)) found.push({ candidate, image: pickSortable(image) });
    }
  }
  throw invalidRequest(
    `Only lists of at most ${maxSortedImages} images and ${maxReadBytes / 1024 / 1024} MiB are sorted by anything but "created_at"; narrow the list or sort by "created_at".`,
  );
}

/** Reads the records of candidates in steps, and counts what it reads. */
class RecordReader {
  readonly #lists: ImageListRepository;
  #stepSize = firstStepSize;
  records = 0;
  bytes = 0;

  constructor(lists: ImageListRepository) {
    this.#lists = lists;
  }

  /** Reads the first of some candidates: as many as one step takes, at most `max`. */
  async read(
    candidates: readonly ListCandidate[],
    max = Number.POSITIVE_INFINITY,
  ): Promise<readonly { readonly candidate: ListCandidate; readonly image: Image | undefined }[]> {
    const step = candidates.slice(0, Math.min(this.#stepSize, max));
    const { images, bytes } = await this.#lists.records(step);
    this.records += step.length;
    this.bytes += bytes;
    const allowed = Math.ceil((maxReadBytes - this.bytes) * (this.records / this.bytes));
    this.#stepSize = Math.max(1, Math.min(maxStepSize, allowed));
    return step.map((candidate, n) => ({ candidate, image: images[n] }));
  }
}

/** A page that candidates are read for until it is full or has read enough. */
class Page implements ImagePage {
  readonly images: Image[] = [];
  next: ImageId | undefined;
  readonly #reader: RecordReader;
  readonly #matches: ImageFilter;
  readonly #limit: number;
  readonly #size: PageSize;
  readonly #isScan: boolean;
  #bytes = 0;

  /** @param isScan - whether many candidates may not match, so that more of them are read than the page has room for */
  constructor(lists: ImageListRepository, matches: ImageFilter, limit: number, size: PageSize, isScan = false) {
    this.#reader = new RecordReader(lists);
    this.#matches = matches;
    this.#limit = limit;
    this.#size = size;
    this.#isScan = isScan;
  }

  /** How many candidates to look up next: no more than the page can show, until some of these turn out to be gone. */
  get batchSize(): number {
    return this.#isScan || this.#reader.records > 0 ? scanBatchSize : this.#limit;
  }

  /**
   * Adds the images of candidates that match, in their order.
   *
   * @param areMore - whether other candidates follow these
   * @returns whether the page ended before all candidates were examined; `next` then is where it goes on, if more follow
   */
  async fill(candidates: readonly ListCandidate[], areMore: boolean): Promise<boolean> {
    let lastSeen: ImageId | undefined;
    for (let rest = candidates; rest.length > 0;) {
      const step = await this.#reader.read(rest, this.#isScan ? undefined : this.#limit - this.images.length);
      for (const { image } of step) {
        if (image === undefined) continue;
        if (this.#matches(image) && !this.#add(image)) return this.#endAfter(this.images.at(-1)?.id);
        lastSeen = image.id;
      }
      rest = rest.slice(step.length);
      if (rest.length === 0 && !areMore) return false;
      if (this.images.length === this.#limit) return this.#endAfter(this.images.at(-1)?.id);
      // An image that was just seen is a marker that the caller can see, too.
      if (this.#hasReadEnough) return this.#endAfter(lastSeen ?? step.at(-1)?.candidate.position.id);
    }
    return false;
  }

  /** Adds an image unless the page is full. */
  #add(image: Image): boolean {
    const bytes = this.#bytes + this.#size.sizeOf(image);
    if (this.images.length === this.#limit || (this.images.length > 0 && bytes > this.#size.maxBytes)) return false;
    this.images.push(image);
    this.#bytes = bytes;
    return true;
  }

  #endAfter(id: ImageId | undefined): true {
    this.next = id;
    return true;
  }

  get #hasReadEnough(): boolean {
    return this.#reader.records >= maxScannedImages || this.#reader.bytes >= maxReadBytes;
  }
}
