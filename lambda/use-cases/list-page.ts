import type { Caller } from '../domain/caller.ts';
import { parseTimestamp } from '../domain/clock.ts';
import { invalidRequest } from '../domain/errors.ts';
import { parseImageId, type ImageId } from '../domain/ids.ts';
import type { SortDirection } from '../domain/image-filter.ts';
import type { ImageListRepository, ListSource, ListCandidate, ListPosition } from '../domain/image-list.ts';
import type { Image } from '../domain/image.ts';
import type { ImageRepository } from '../domain/repositories/image-repository.ts';
import { isImageVisible, type Sharing } from '../domain/sharing-rules.ts';

/** One page of a list. */
export interface ListPage<Entry> {
  readonly entries: readonly Entry[];
  /** The marker of the next page, or `undefined` if no more entries can follow. */
  readonly next: string | undefined;
}

/** Maximum size of a page in the format of the response. */
export interface PageSize<Entry> {
  /** Returns the size of an entry in bytes. */
  readonly sizeOf: (entry: Entry) => number;
  /** Maximum size of a page in bytes; larger than any single entry. */
  readonly maxBytes: number;
}

/**
 * Reads the entries of candidates, all in parallel: the entry of each candidate, `undefined` if it no longer belongs to
 * the list, and the size in bytes of all items that were read.
 */
export type ReadEntries<Entry> = (
  candidates: readonly ListCandidate[],
) => Promise<{ readonly entries: readonly (Entry | undefined)[]; readonly bytes: number }>;

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

/** The place in a list after which a page starts. */
export interface Marker {
  readonly position: ListPosition;
  /** The image at this position with the caller's membership, if any; `undefined` if the marker names no image. */
  readonly sharing: (Sharing & { readonly image: Image }) | undefined;
}

/**
 * Returns the place of a marker: the id of an image that is visible to the caller, or a position in creation order in
 * the form of {@link positionMarker}, which requires no image.
 *
 * @throws SharingError `invalid-request` if the image is missing or hidden from the caller
 */
export async function findMarker(images: ImageRepository, marker: string, caller: Caller): Promise<Marker> {
  const position = parsePositionMarker(marker);
  if (position !== undefined) return { position, sharing: undefined };
  const imageId = parseImageId(marker);
  const sharing = imageId && (await images.find(imageId, [caller.projectId]));
  if (sharing === undefined || !isImageVisible(caller, sharing)) throw invalidMarker();
  return { position: sharing.image, sharing };
}

/** The marker of a request is no place after which the list can continue. */
export const invalidMarker = () =>
  invalidRequest('"marker" must be the id of a visible image; use the "next" link of the previous page.');

/**
 * Returns the marker of a position whose image may be hidden from the caller: the membership that was read last may have
 * passed its end.
 */
const positionMarker = ({ createdAt, id }: ListPosition): string => `${createdAt},${id}`;

/**
 * Returns whether all entries of sources count as visible to the caller, even those that are no candidates. Among
 * megabytes of entries that are not of the owner of a list of images hardly any has ended; its markers name images.
 */
const areVisible = (sources: readonly ListSource[]): boolean =>
  sources.every(
    (source) => source.kind !== 'offered' || (source.owner !== undefined && source.excludedOwner === undefined),
  );

function parsePositionMarker(marker: string): ListPosition | undefined {
  const [time = '', image = '', ...more] = marker.split(',');
  const [createdAt, id] = [parseTimestamp(time), parseImageId(image)];
  return createdAt === undefined || id === undefined || more.length > 0 ? undefined : { createdAt, id };
}

/** Fills a page with the entries of sources in creation order after a position. */
export async function fillInCreationOrder<Entry>({
  lists,
  sources,
  order,
  after: start,
  page,
}: {
  readonly lists: ImageListRepository;
  readonly sources: readonly ListSource[];
  readonly order: SortDirection;
  readonly after: ListPosition | undefined;
  readonly page: Page<Entry>;
}): Promise<ListPage<Entry>> {
  let after = start;
  for (;;) {
    const count = page.batchSize;
    const { candidates, next } = await lists.candidates(sources, order, after, count);
    const hasEnded = await page.fill(candidates, next !== undefined);
    if (hasEnded || next === undefined) return page;
    // The repository read its maximum number of entries.
    if (candidates.length < count) {
      const isCandidate = next.id === candidates.at(-1)?.position.id;
      return { entries: page.entries, next: isCandidate || areVisible(sources) ? next.id : positionMarker(next) };
    }
    after = next;
  }
}

/**
 * Returns the selected part of every entry of sources, for a sort by another key than the creation time.
 *
 * @param select - returns the part to keep, because thousands of entries must fit into memory; `undefined` leaves the
 *   entry out
 * @throws SharingError `invalid-request` if the list has more than {@link maxSortedImages} or {@link maxReadBytes}
 */
export async function readAll<Entry, Selected>(
  lists: ImageListRepository,
  sources: readonly ListSource[],
  read: ReadEntries<Entry>,
  select: (entry: Entry, candidate: ListCandidate) => Selected | undefined,
): Promise<readonly Selected[]> {
  const { candidates, next } = await lists.candidates(sources, 'desc', undefined, maxSortedImages);
  const all: Selected[] = [];
  const reader = new EntryReader(read);
  while (next === undefined && reader.bytes < maxReadBytes) {
    const remaining = candidates.slice(reader.records);
    if (remaining.length === 0) return all;
    for (const { candidate, entry } of await reader.read(remaining)) {
      const selected = entry === undefined ? undefined : select(entry, candidate);
      if (selected !== undefined) all.push(selected);
    }
  }
  throw invalidRequest(
    `Only a list of at most ${maxSortedImages} images and ${maxReadBytes / 1024 / 1024} MiB can be sorted by a key other than "created_at"; narrow the list or sort by "created_at".`,
  );
}

/** Reads the entries of candidates in steps and counts their records and bytes. */
class EntryReader<Entry> {
  readonly #read: ReadEntries<Entry>;
  #stepSize = firstStepSize;
  records = 0;
  bytes = 0;

  constructor(read: ReadEntries<Entry>) {
    this.#read = read;
  }

  /** Reads the entries of the first candidates: of one step, at most `max`. */
  async read(
    candidates: readonly ListCandidate[],
    max = Number.POSITIVE_INFINITY,
  ): Promise<readonly { readonly candidate: ListCandidate; readonly entry: Entry | undefined }[]> {
    const step = candidates.slice(0, Math.min(this.#stepSize, max));
    const { entries, bytes } = await this.#read(step);
    this.records += step.length;
    this.bytes += bytes;
    const averageBytes = this.bytes / this.records;
    const affordable = Math.ceil((maxReadBytes - this.bytes) / averageBytes);
    this.#stepSize = Math.max(1, Math.min(maxStepSize, affordable));
    return step.map((candidate, n) => ({ candidate, entry: entries[n] }));
  }
}

/** A page that reads the entries of candidates until it is full or reaches a limit. */
export class Page<Entry> implements ListPage<Entry> {
  readonly entries: Entry[] = [];
  next: string | undefined;
  readonly #reader: EntryReader<Entry>;
  readonly #matches: (entry: Entry) => boolean;
  readonly #limit: number;
  readonly #pageSize: PageSize<Entry>;
  readonly #isScan: boolean;
  #bytes = 0;
  #lastId: ImageId | undefined;

  constructor(options: {
    readonly read: ReadEntries<Entry>;
    /** Returns whether the page includes an entry. */
    readonly matches: (entry: Entry) => boolean;
    readonly limit: number;
    readonly pageSize: PageSize<Entry>;
    /** `true` if many candidates may not match: the page then reads more candidates than it has room for. */
    readonly isScan: boolean;
  }) {
    this.#reader = new EntryReader(options.read);
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
   * Adds the matching entries of candidates in their order.
   *
   * @param hasMore - `true` if other candidates follow these
   * @returns `true` if the page ended before all candidates were examined; `next` is then set if more entries can follow
   */
  async fill(candidates: readonly ListCandidate[], hasMore: boolean): Promise<boolean> {
    let lastSeen: ImageId | undefined;
    let remaining = candidates;
    while (remaining.length > 0) {
      const step = await this.#reader.read(remaining, this.#isScan ? undefined : this.#limit - this.entries.length);
      for (const { candidate, entry } of step) {
        if (entry === undefined) continue;
        const { id } = candidate.position;
        if (this.#matches(entry) && !this.#add(entry, id)) return this.#endAfter(this.#lastId);
        lastSeen = id;
      }
      remaining = remaining.slice(step.length);
      if (remaining.length === 0 && !hasMore) return false;
      if (this.entries.length === this.#limit) return this.#endAfter(this.#lastId);
      // The image of a candidate without an entry is hidden from the caller, so the last seen image is preferred.
      if (this.#hasReachedReadLimit) {
        const lastRead = step.at(-1)?.candidate.position;
        return this.#endAfter(lastSeen ?? (lastRead && positionMarker(lastRead)));
      }
    }
    return false;
  }

  /** Adds an entry; returns `false` if the page is full. */
  #add(entry: Entry, id: ImageId): boolean {
    const bytes = this.#bytes + this.#pageSize.sizeOf(entry);
    const isFull = this.entries.length === this.#limit;
    if (isFull || (this.entries.length > 0 && bytes > this.#pageSize.maxBytes)) return false;
    this.entries.push(entry);
    this.#bytes = bytes;
    this.#lastId = id;
    return true;
  }

  #endAfter(marker: string | undefined): true {
    this.next = marker;
    return true;
  }

  get #hasReachedReadLimit(): boolean {
    return this.#reader.records >= maxScannedImages || this.#reader.bytes >= maxReadBytes;
  }
}
