import { describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../../lambda/domain/clock.ts';
import type { ImageListRepository } from '../../../lambda/domain/image-list.ts';
import type { ImageRepository } from '../../../lambda/domain/image-repository.ts';
import type { ImageId } from '../../../lambda/domain/ids.ts';
import type { Image } from '../../../lambda/domain/image.ts';
import {
  createListImages,
  maxReadBytes,
  maxScannedImages,
  maxSortedImages,
  type ImageListRequest,
} from '../../../lambda/use-cases/list-images.ts';
import { aCaller } from '../domain/a-caller.ts';
import { anImage } from '../domain/an-image.ts';

/** Images in creation order, the first the newest, their names their places. */
const newestFirst = (count: number, attributes: (n: number) => Partial<Image> = () => ({})): Image[] =>
  Array.from({ length: count }, (_, n) =>
    anImage({
      name: String(n),
      id: `${String(count - n).padStart(8, '0')}-0000-7000-8000-000000000000` as ImageId,
      createdAt: '2026-11-23T12:00:00Z' as Timestamp,
      ...attributes(n),
    }),
  );

/** How long a page of {@link listing} may become; an image is as long as its properties. */
const maxPageBytes = 3_000_000;

/**
 * Lists of thousands of images in memory, counting what is read of them; `goneImages` are in the order but have no
 * record, and the order is read `entriesAtOnce` at most.
 */
function listing(all: readonly Image[], goneImages: readonly Image[] = [], entriesAtOnce = Number.POSITIVE_INFINITY) {
  const gone = new Set(goneImages.map(({ id }) => id));
  const read = { queries: 0, steps: [] as number[], bytes: 0 };
  const lists: ImageListRepository = {
    candidates: (sources, order, after, count) => {
      const ordered = order === 'desc' ? all : all.toReversed();
      const start = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after.id) + 1;
      const end = start + Math.min(count, entriesAtOnce);
      read.queries += 1;
      return Promise.resolve({
        candidates: ordered.slice(start, end).map((position) => ({ position, sources })),
        next: end < ordered.length ? ordered[end - 1] : undefined,
      });
    },
    records: (candidates) => {
      const ids = new Set(candidates.map(({ position }) => position.id));
      const found = all.filter(({ id }) => ids.has(id));
      const bytes = found.reduce((sum, image) => sum + JSON.stringify(image).length, 0);
      read.steps.push(candidates.length);
      read.bytes += bytes;
      return Promise.resolve({
        images: candidates.map(({ position }) => found.find(({ id }) => id === position.id && !gone.has(id))),
        bytes,
      });
    },
  };
  const images: Pick<ImageRepository, 'find'> = {
    find: (imageId) =>
      Promise.resolve({ imageId, image: all.find(({ id }) => id === imageId), memberships: new Map() }),
  };
  const list = createListImages(images as ImageRepository, lists, {
    sizeOf: ({ properties }) => JSON.stringify(properties).length,
    maxBytes: maxPageBytes,
  });
  const ask = async (request: Partial<ImageListRequest> = {}) => {
    const { images: shown, next } = await list({
      caller: aCaller('alpha:reader'),
      visibility: undefined,
      memberStatus: 'accepted',
      owner: undefined,
      hidden: false,
      filters: [],
      sorts: [{ key: 'created_at', direction: 'desc' }],
      limit: 25,
      marker: undefined,
      ...request,
    });
    return { names: shown.map(({ name }) => name), next: all.find(({ id }) => id === next)?.name };
  };
  return { ask, read };
}

const places = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n));
const total = (steps: readonly number[]) => steps.reduce((sum, each) => sum + each, 0);
const idOf = (all: readonly Image[], place: number) => all[place]!.id;

describe('in creation order', () => {
  test.each([
    { count: 0, limit: 25, names: [], next: undefined },
    { count: 3, limit: 3, names: places(0, 3), next: undefined },
    { count: 3, limit: 2, names: places(0, 2), next: '1' },
    { count: 3, limit: 0, names: [], next: undefined },
    { count: 1001, limit: 1000, names: places(0, 1000), next: '999' },
  ])('of $count images $limit at the most are shown, with `next` $next', async ({ count, limit, names, next }) => {
    const { ask, read } = listing(newestFirst(count));

    const page = await ask({ limit });

    expect(page).toEqual({ names, next });
    expect(total(read.steps)).toBe(names.length);
  });

  test('a page goes on after its marker, whichever way the list goes', async () => {
    const all = newestFirst(5);
    const { ask } = listing(all);
    const asc = [{ key: 'created_at', direction: 'asc' }] as const;

    expect(await ask({ marker: idOf(all, 1), limit: 2 })).toEqual({ names: ['2', '3'], next: '3' });
    expect(await ask({ marker: idOf(all, 3), limit: 2, sorts: asc })).toEqual({ names: ['2', '1'], next: '1' });
  });

  test('images that have gone meanwhile are made up for by those that follow', async () => {
    const all = newestFirst(10);
    const { ask } = listing(all, all.slice(1, 4));

    const page = await ask({ limit: 5 });

    expect(page).toEqual({ names: ['0', '4', '5', '6', '7'], next: '7' });
  });

  test('there is no `next` where all that follow have gone', async () => {
    const all = newestFirst(4);
    const { ask } = listing(all, all.slice(2));

    const page = await ask({ limit: 3 });

    expect(page).toEqual({ names: ['0', '1'], next: undefined });
  });

  test('a filter passes over images', async () => {
    const all = newestFirst(1200, (n) => ({ minRam: n % 400 === 399 ? 1 : 0 }));
    const { ask } = listing(all);
    const filters = [({ minRam }: Image) => minRam === 1];

    expect(await ask({ filters, limit: 2 })).toEqual({ names: ['399', '799'], next: '799' });
    expect(await ask({ filters, limit: 3 })).toEqual({ names: ['399', '799', '1199'], next: undefined });
    expect(await ask({ filters, limit: 2, marker: idOf(all, 799) })).toEqual({ names: ['1199'], next: undefined });
  });

  test('several filters are all to pass', async () => {
    const { ask } = listing(newestFirst(10, (n) => ({ minRam: n % 2, minDisk: n % 3 })));

    const page = await ask({ filters: [({ minRam }) => minRam === 1, ({ minDisk }) => minDisk === 0] });

    expect(page.names).toEqual(['3', '9']);
  });

  test('a filter looks through so many images and no more; the page then is short and has a `next`', async () => {
    const all = newestFirst(2 * maxScannedImages);
    const { ask, read } = listing(all);
    const filters = [({ name }: Image) => name === '7' || name === String(maxScannedImages + 7)];

    const first = await ask({ filters });
    const readForFirst = total(read.steps);
    const second = await ask({ filters, marker: all.find(({ name }) => name === first.next)!.id });

    expect(first).toEqual({ names: ['7'], next: String(maxScannedImages - 1) });
    expect(readForFirst).toBe(maxScannedImages);
    expect(second.names).toEqual([String(maxScannedImages + 7)]);
  });

  test('a filter reads so many bytes and no more; the page then is empty and has a `next`', async () => {
    const all = newestFirst(400, () => ({ properties: { x: 'y'.repeat(126_000) } }));
    const { ask, read } = listing(all);

    const page = await ask({ filters: [({ name }) => name === '399'] });

    expect(read.steps).toEqual([100, 33]);
    expect(page).toEqual({ names: [], next: '132' });
    expect(read.bytes).toBeLessThan(maxReadBytes + 127_000);
  });

  test('a page without any image goes on behind an image that has not gone', async () => {
    const all = newestFirst(2 * maxScannedImages);
    const { ask } = listing(all, all.slice(maxScannedImages - 10, maxScannedImages + 10));

    const page = await ask({ filters: [({ name }) => name === 'none'] });

    expect(page).toEqual({ names: [], next: String(maxScannedImages - 11) });
  });

  test('a page goes on behind the last entry of the order that was read for it, and reads no further', async () => {
    const all = newestFirst(50);
    const { ask, read } = listing(all, [], 10);

    const short = await ask({ limit: 25 });
    const full = await ask({ limit: 10 });
    const filtered = await ask({ limit: 25, filters: [({ name }) => name === '30'] });

    expect(short).toEqual({ names: places(0, 10), next: '9' });
    expect(full).toEqual({ names: places(0, 10), next: '9' });
    expect(filtered).toEqual({ names: [], next: '9' });
    expect(read.queries).toBe(3);
  });

  test('a page ends before it is too long for a response, and goes on after', async () => {
    const all = newestFirst(40, () => ({ properties: { x: 'y'.repeat(126_000) } }));
    const { ask } = listing(all);

    const first = await ask();
    const second = await ask({ marker: all.find(({ name }) => name === first.next)!.id });

    expect(first.names).toEqual(places(0, 23));
    expect(first.next).toBe('22');
    expect(second).toEqual({ names: places(23, 40), next: undefined });
  });

  test('a page whose images fill it to the last byte is full', async () => {
    const bytes = JSON.stringify({ x: '' }).length;
    const all = newestFirst(4, () => ({ properties: { x: 'y'.repeat(maxPageBytes / 3 - bytes) } }));
    const { ask } = listing(all);

    expect(await ask()).toEqual({ names: places(0, 3), next: '2' });
  });

  test('an image that is longer than a page is a page', async () => {
    const all = newestFirst(2, () => ({ properties: { x: 'y'.repeat(maxPageBytes) } }));
    const { ask } = listing(all);

    expect(await ask()).toEqual({ names: ['0'], next: '0' });
  });

  test.each([
    { limit: 25, steps: [25] },
    { limit: 100, steps: [100] },
    { limit: 250, steps: [100, 150] },
    { limit: 1000, steps: [100, 200, 200, 200, 200, 100] },
  ])('the records of a page of $limit are read in the steps $steps', async ({ limit, steps }) => {
    const { ask, read } = listing(newestFirst(1100));

    await ask({ limit });

    expect([read.queries, read.steps]).toEqual([1, steps]);
  });

  test('a page is read no further than it shows, be the images as large as they can', async () => {
    const { ask, read } = listing(newestFirst(1000, () => ({ properties: { x: 'y'.repeat(130_000) } })));

    const { names } = await ask({ limit: 1000 });

    expect([names.length, read.steps]).toEqual([23, [100]]);
  });
});

describe('in any other order', () => {
  const byName = [{ key: 'name', direction: 'asc' }] as const;

  test('pages follow each other', async () => {
    const all = newestFirst(1200, (n) => ({ name: String((n * 7) % 1200).padStart(4, '0') }));
    const { ask } = listing(all);

    const names: (string | null)[] = [];
    let marker: string | undefined;
    let pages = 0;
    do {
      const page = await ask({ sorts: byName, limit: 500, marker });
      names.push(...page.names);
      marker = all.find(({ name }) => name === page.next)?.id;
      pages += 1;
    } while (marker !== undefined);

    expect(names).toEqual(all.map(({ name }) => name).toSorted());
    expect(pages).toBe(3);
  });

  test('images that sort alike are neither repeated nor left out', async () => {
    const all = newestFirst(7, () => ({ diskFormat: 'raw' }));
    const { ask } = listing(all);
    const sorts = [{ key: 'disk_format', direction: 'asc' }] as const;

    const first = await ask({ sorts, limit: 4 });
    const second = await ask({ sorts, limit: 4, marker: all.find(({ name }) => name === first.next)!.id });

    expect([...first.names, ...second.names].toSorted()).toEqual(places(0, 7));
    expect(second.next).toBeUndefined();
  });

  test('filters pass over images', async () => {
    const { ask } = listing(newestFirst(9, (n) => ({ minRam: n % 2 })));

    const page = await ask({ sorts: byName, limit: 3, filters: [({ minRam }) => minRam === 1] });

    expect(page).toEqual({ names: ['1', '3', '5'], next: '5' });
  });

  test('so many images can be sorted and no more', async () => {
    const enough = listing(newestFirst(maxSortedImages));
    const more = listing(newestFirst(maxSortedImages + 1));

    expect(await enough.ask({ sorts: byName, limit: 1 })).toEqual({ names: ['0'], next: '0' });
    await expect(more.ask({ sorts: byName, limit: 1 })).rejects.toMatchObject({ code: 'invalid-request' });
    expect(more.read.steps).toEqual([]);
  });

  test('so many bytes can be sorted and no more', async () => {
    const { ask, read } = listing(newestFirst(400, () => ({ properties: { x: 'y'.repeat(126_000) } })));

    await expect(ask({ sorts: byName, limit: 1 })).rejects.toMatchObject({ code: 'invalid-request' });
    expect(read.steps).toEqual([100, 33]);
  });

  test('a list of which the order is not read to its end is not sorted', async () => {
    const { ask, read } = listing(newestFirst(20), [], 10);

    await expect(ask({ sorts: byName, limit: 1 })).rejects.toMatchObject({ code: 'invalid-request' });
    expect(read.steps).toEqual([]);
  });

  test('the records of the page are read once the order is known, up to what fits it', async () => {
    const all = newestFirst(140, (n) => ({ name: String(n).padStart(4, '0'), properties: { x: 'y'.repeat(100_000) } }));
    const { ask, read } = listing(all);

    const small = await ask({ sorts: byName, limit: 10 });
    const large = await ask({ sorts: byName, limit: 1000 });

    expect([small.names.length, small.next]).toEqual([10, '0009']);
    expect([large.names.length, large.next]).toEqual([29, '0028']);
    expect(read.steps).toEqual([100, 40, 10, 100, 40, 100]);
  });
});

test.each(['', 'not-an-id', '00000001-0000-7000-8000-999999999999'])('the marker %j is refused', async (marker) => {
  const { ask } = listing(newestFirst(3));

  await expect(ask({ marker })).rejects.toMatchObject({ code: 'invalid-request' });
  await expect(ask({ marker, limit: 0 })).rejects.toMatchObject({ code: 'invalid-request' });
});

test('a marker that the caller may not see is refused as one that is not there', async () => {
  const all = newestFirst(3);
  const { ask } = listing(all);
  const refusal = (marker: string) => ask({ marker, caller: aCaller('gamma:member') }).catch((error: unknown) => error);

  expect(await refusal(idOf(all, 1))).toMatchObject({ code: 'invalid-request' });
  expect(await refusal(idOf(all, 1))).toEqual(await refusal('00000001-0000-7000-8000-999999999999'));
});

test('whoever has no role is refused', async () => {
  const { ask } = listing([]);

  await expect(ask({ caller: aCaller('alpha:other') })).rejects.toMatchObject({ code: 'not-permitted' });
});

test('what can have no images is not looked for', async () => {
  const { ask, read } = listing(newestFirst(3));

  const page = await ask({ owner: aCaller('gamma:reader').projectId, visibility: 'private' });

  expect(page).toEqual({ names: [], next: undefined });
  expect(read.queries).toBe(0);
});
