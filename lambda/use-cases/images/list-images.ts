import type { Caller } from '../../domain/caller.ts';
import { invalidRequest } from '../../domain/errors.ts';
import { parseImageId, type ImageId } from '../../domain/ids.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import {
  compareBy,
  creationOrder,
  matchNone,
  pickSortable,
  type ImageFilter,
  type Sort,
  type SortableImage,
  type SortDirection,
} from '../../domain/image-filter.ts';
import {
  listSources,
  type ImageListRepository,
  type ImageListScope,
  type ListSource,
  type ListCandidate,
  type ListPosition,
} from '../../domain/image-list.ts';
import type { Image } from '../../domain/image.ts';
import { assertCallerMayList, isImageVisible } from '../../domain/sharing-rules.ts';

export interface ImageListRequest extends ImageListScope {
  readonly filters: readonly ImageFilter[];
  readonly sorts: readonly Sort[];
  /** Maximum number of images of the page, 0 to 1000. */
  readonly limit: number;
  /** The id of the last image of the previous page. */
  readonly marker: string | undefined;
}

export interface ImagePage {
  readonly images: readonly Image[];
  /** The marker of the next page, or `undefined` if no more images can follow. */
  readonly next: ImageId | undefined;
}

/** Maximum size of a page in the format of the response. */
export interface PageSize {
  /** Returns the size of an image in bytes. */
  readonly sizeOf: (image: Image) => number;
  /** Maximum size of a page in bytes; larger than any single image. */
  readonly maxBytes: number;
}

export type ListImages = (request: ImageListRequest) => Promise<ImagePage>;

/** Maximum number of candidates whose records one page with filters reads. */
export const maxScannedImages = 2000;
/** Maximum number of images in a list with another order than creation order, because it reads the records of all. */
export const maxSortedImages = 5000;
/**
 * Number of bytes of records after which a page stops reading: 5,000 records of 3 KB, or 120 of the maximum size. They
 * cost 4,000 read units and occupy a tenth of the function's 1,536 MB for less than a second of its 25.
 */
export const maxReadBytes = 16 * 1024 * 1024;
/** Number of candidates of one lookup if the page is not expected to include all of them. */
const scanBatchSize = 500;
/**
 * Number of records that are read in parallel. The first step reads 100, one BatchGetItem, so that a page of up to 100
 * images needs one round trip, and 14 MB if all records have the maximum size. Later steps read at most 200, and no
 * more than fit into the remaining bytes at the average size so far. A page of 1,000 small images needs six round
 * trips.
 */
const firstStepSize = 100;
const maxStepSize = 200;

/**
 * Returns one page of the images that a project, or an admin of all projects, can list.
 *
 * In creation order the page starts after its marker and costs the same at any position. With filters on the records it
 * examines at most {@link maxScannedImages} candidates and stops after {@link maxReadBytes}; such a page can be short,
 * even empty, and has a `next`. Any other order first reads the records of all images of the list.
 *
 * @param pageSize - the page ends before an image that would exceed this size
 * @throws SharingError `invalid-request` if the marker is missing or hidden from the caller, or the list is too long to
 *   sort
 */
export const createListImages = (images: ImageRepository, lists: ImageListRepository, pageSize: PageSize): ListImages =>
  async function listImages(request) {
    const { caller, filters, sorts, limit } = request;
    assertCallerMayList(caller);
    const marker = request.marker === undefined ? undefined : await findMarker(images, request.marker, caller);
    const sources = listSources(request);
    if (limit === 0 || sources.length === 0 || filters.includes(matchNone)) return { images: [], next: undefined };

    const matches: ImageFilter = (image) => filters.every((filter) => filter(image));
    const order = creationOrder(sorts);
    if (order !== undefined) {
      const page = new Page({ lists, matches, limit, pageSize, isScan: filters.length > 0 });
      return fillInCreationOrder({ lists, sources, order, marker, page });
    }
    const page = new Page({ lists, matches, limit, pageSize, isScan: false });
    const matching = await readAll(lists, sources, matches);
    const compare = compareBy(sorts);
    const candidates = matching
      .filter(({ image }) => marker === undefined || compare(pickSortable(marker), image) < 0)
      .toSorted((a, b) => compare(a.image, b.image))
      .map(({ candidate }) => candidate);
    await page.fill(candidates, false);
    return page;
  };

async function findMarker(images: ImageRepository, marker: string, caller: Caller): Promise<Image> {
  const imageId = parseImageId(marker);
  const sharing = imageId && (await images.find(imageId, [caller.projectId]));
  if (sharing === undefined || !isImageVisible(caller, sharing)) {
    throw invalidRequest('"marker" must be the id of a visible image; use the "next" link of the previous page.');
  }
  return sharing.image;
}

async function fillInCreationOrder({
  lists,
  sources,
  order,
  marker,
  page,
}: {
  readonly lists: ImageListRepository;
  readonly sources: readonly ListSource[];
  readonly order: SortDirection;
  readonly marker: ListPosition | undefined;
  readonly page: Page;
}): Promise<ImagePage> {
  let after = marker;
  for (;;) {
    const count = page.batchSize;
    const { candidates, next } = await lists.candidates(sources, order, after, count);
    const hasEnded = await page.fill(candidates, next !== undefined);
    if (hasEnded || next === undefined) return page;
    // The repository read its maximum number of entries.
    if (candidates.length < count) return { images: page.images, next: next.id };
    after = next;
  }
}

/** Returns all matching images of a list with their sortable attributes only. */
async function readAll(
  lists: ImageListRepository,
  sources: readonly ListSource[],
  matches: ImageFilter,
): Promise<readonly { readonly candidate: ListCandidate; readonly image: SortableImage }[]> {
  const { candidates, next } = await lists.candidates(sources, 'desc', undefined, maxSortedImages);
  const matching: { candidate: ListCandidate; image: SortableImage }[] = [];
  const reader = new RecordReader(lists);
  while (next === undefined && reader.bytes < maxReadBytes) {
    const remaining = candidates.slice(reader.records);
    if (remaining.length === 0) return matching;
    for (const { candidate, image } of await reader.read(remaining)) {
      if (image !== undefined && matches(image)) matching.push({ candidate, image: pickSortable(image) });
    }
  }
  throw invalidRequest(
    `Only a list of at most ${maxSortedImages} images and ${maxReadBytes / 1024 / 1024} MiB can be sorted by a key other than "created_at"; narrow the list or sort by "created_at".`,
  );
}

/** Reads the records of candidates in steps and counts them and their bytes. */
class RecordReader {
  readonly #lists: ImageListRepository;
  #stepSize = firstStepSize;
  records = 0;
  bytes = 0;

  constructor(lists: ImageListRepository) {
    this.#lists = lists;
  }

  /** Reads the records of the first candidates: of one step, at most `max`. */
  async read(
    candidates: readonly ListCandidate[],
    max = Number.POSITIVE_INFINITY,
  ): Promise<readonly { readonly candidate: ListCandidate; readonly image: Image | undefined }[]> {
    const step = candidates.slice(0, Math.min(this.#stepSize, max));
    const { images, bytes } = await this.#lists.records(step);
    this.records += step.length;
    this.bytes += bytes;
    const averageBytes = this.bytes / this.records;
    const affordable = Math.ceil((maxReadBytes - this.bytes) / averageBytes);
    this.#stepSize = Math.max(1, Math.min(maxStepSize, affordable));
    return step.map((candidate, n) => ({ candidate, image: images[n] }));
  }
}

/** A page that reads the records of candidates until it is full or reaches a limit. */
class Page implements ImagePage {
  readonly images: Image[] = [];
  next: ImageId | undefined;
  readonly #reader: RecordReader;
  readonly #matches: ImageFilter;
  readonly #limit: number;
  readonly #pageSize: PageSize;
  readonly #isScan: boolean;
  #bytes = 0;

  constructor(options: {
    readonly lists: ImageListRepository;
    readonly matches: ImageFilter;
    readonly limit: number;
    readonly pageSize: PageSize;
    /** `true` if many candidates may not match: the page then reads more candidates than it has room for. */
    readonly isScan: boolean;
  }) {
    this.#reader = new RecordReader(options.lists);
    this.#matches = options.matches;
    this.#limit = options.limit;
    this.#pageSize = options.pageSize;
    this.#isScan = options.isScan;
  }

  /** The number of candidates of the next lookup: the limit, until a scan or missing records require more. */
  get batchSize(): number {
    return this.#isScan || this.#reader.records > 0 ? scanBatchSize : this.#limit;
  }

  /**
   * Adds the matching images of candidates in their order.
   *
   * @param hasMore - `true` if other candidates follow these
   * @returns `true` if the page ended before all candidates were examined; `next` is then set if more images can follow
   */
  async fill(candidates: readonly ListCandidate[], hasMore: boolean): Promise<boolean> {
    let lastSeen: ImageId | undefined;
    let remaining = candidates;
    while (remaining.length > 0) {
      const step = await this.#reader.read(remaining, this.#isScan ? undefined : this.#limit - this.images.length);
      for (const { image } of step) {
        if (image === undefined) continue;
        if (this.#matches(image) && !this.#add(image)) return this.#endAfter(this.images.at(-1)?.id);
        lastSeen = image.id;
      }
      remaining = remaining.slice(step.length);
      if (remaining.length === 0 && !hasMore) return false;
      if (this.images.length === this.#limit) return this.#endAfter(this.images.at(-1)?.id);
      // The marker of the next page must be visible to the caller, so the last seen image is preferred.
      if (this.#hasReachedReadLimit) return this.#endAfter(lastSeen ?? step.at(-1)?.candidate.position.id);
    }
    return false;
  }

  /** Adds an image; returns `false` if the page is full. */
  #add(image: Image): boolean {
    const bytes = this.#bytes + this.#pageSize.sizeOf(image);
    if (this.images.length === this.#limit || (this.images.length > 0 && bytes > this.#pageSize.maxBytes)) return false;
    this.images.push(image);
    this.#bytes = bytes;
    return true;
  }

  #endAfter(id: ImageId | undefined): true {
    this.next = id;
    return true;
  }

  get #hasReachedReadLimit(): boolean {
    return this.#reader.records >= maxScannedImages || this.#reader.bytes >= maxReadBytes;
  }
}
