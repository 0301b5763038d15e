import { describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../../../lambda/domain/clock.ts';
import type { ImageListRepository } from '../../../../lambda/domain/image-list.ts';
import type { ImageRepository } from '../../../../lambda/domain/repositories/image-repository.ts';
import type { ImageId } from '../../../../lambda/domain/ids.ts';
import type { Image } from '../../../../lambda/domain/image.ts';
import { createListImages, type ImageListRequest } from '../../../../lambda/use-cases/images/list-images.ts';
import { maxReadBytes, maxScannedImages, maxSortedImages } from '../../../../lambda/use-cases/list-page.ts';
import { aCaller } from '../../domain/a-caller.ts';
import { anImage } from '../../domain/an-image.ts';

/** Returns images from newest to oldest; their names are their positions. */
const newestFirst = (count: number, attributes: (n: number) => Partial<Image> = () => ({})): Image[] =>
  Array.from({ length: count }, (_, n) =>
    anImage({
      name: String(n),
      id: `${String(count - n).padStart(8, '0')}-0000-7000-8000-000000000000` as ImageId,
      createdAt: '2026-11-23T12:00:00Z' as Timestamp,
      ...attributes(n),
    }),
  );

/** Maximum size of a page of {@link listing}; the size of an image is the size of its properties. */
const maxPageBytes = 3_000_000;

/**
 * Returns a list of images in memory that counts its reads.
 *
 * @param goneImages - images with a list entry but without a record
 * @param maxEntries - maximum number of entries of one lookup
 */
function listing(all: readonly Image[], goneImages: readonly Image[] = [], maxEntries = Number.POSITIVE_INFINITY) {
  const gone = new Set(goneImages.map(({ id }) => id));
  const read = { queries: 0, steps: [] as number[], bytes: 0 };
  const lists: Pick<ImageListRepository, 'candidates' | 'records'> = {
    candidates: (sources, order, after, count) => {
      const ordered = order === 'desc' ? all : all.toReversed();
      const start = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after.id) + 1;
      const end = start + Math.min(count, maxEntries);
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
  const list = createListImages(images as ImageRepository, lists as ImageListRepository, {
    sizeOf: ({ properties }) => JSON.stringify(properties).length,
    maxBytes: maxPageBytes,
  });
  const send = async (request: Partial<ImageListRequest> = {}) => {
    const { entries: shown, next } = await list({
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
  return { send, read };
}

const positions = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n));
const total = (steps: readonly number[]) => steps.reduce((sum, step) => sum + step, 0);
const idOf = (all: readonly Image[], position: number) => all[position]!.id;

describe('in creation order', () => {
  test.each([
    { count: 0, limit: 25, names: [], next: undefined },
    { count: 3, limit: 3, names: positions(0, 3), next: undefined },
    { count: 3, limit: 2, names: positions(0, 2), next: '1' },
    { count: 3, limit: 0, names: [], next: undefined },
    { count: 1001, limit: 1000, names: positions(0, 1000), next: '999' },
  ])('of $count images a page of $limit has the `next` $next', async ({ count, limit, names, next }) => {
    const { send, read } = listing(newestFirst(count));

    const page = await send({ limit });

    expect(page).toEqual({ names, next });
    expect(total(read.steps)).toBe(names.length);
  });

  test('a page starts after its marker in both directions', async () => {
    const all = newestFirst(5);
    const { send } = listing(all);
    const asc = [{ key: 'created_at', direction: 'asc' }] as const;

    expect(await send({ marker: idOf(all, 1), limit: 2 })).toEqual({ names: ['2', '3'], next: '3' });
    expect(await send({ marker: idOf(all, 3), limit: 2, sorts: asc })).toEqual({ names: ['2', '1'], next: '1' });
  });

  test('later images replace images without a record', async () => {
    const all = newestFirst(10);
    const { send } = listing(all, all.slice(1, 4));

    const page = await send({ limit: 5 });

    expect(page).toEqual({ names: ['0', '4', '5', '6', '7'], next: '7' });
  });

  test('a page has no `next` if no later image has a record', async () => {
    const all = newestFirst(4);
    const { send } = listing(all, all.slice(2));

    const page = await send({ limit: 3 });

    expect(page).toEqual({ names: ['0', '1'], next: undefined });
  });

  test('a page contains only images that match its filter', async () => {
    const all = newestFirst(1200, (n) => ({ minRam: n % 400 === 399 ? 1 : 0 }));
    const { send } = listing(all);
    const filters = [({ minRam }: Image) => minRam === 1];

    expect(await send({ filters, limit: 2 })).toEqual({ names: ['399', '799'], next: '799' });
    expect(await send({ filters, limit: 3 })).toEqual({ names: ['399', '799', '1199'], next: undefined });
    expect(await send({ filters, limit: 2, marker: idOf(all, 799) })).toEqual({ names: ['1199'], next: undefined });
  });

  test('an image must match all filters', async () => {
    const { send } = listing(newestFirst(10, (n) => ({ minRam: n % 2, minDisk: n % 3 })));

    const page = await send({ filters: [({ minRam }) => minRam === 1, ({ minDisk }) => minDisk === 0] });

    expect(page.names).toEqual(['3', '9']);
  });

  test('a filter examines a maximum number of images; the page is then short and has a `next`', async () => {
    const all = newestFirst(2 * maxScannedImages);
    const { send, read } = listing(all);
    const filters = [({ name }: Image) => name === '7' || name === String(maxScannedImages + 7)];

    const first = await send({ filters });
    const readForFirst = total(read.steps);
    const second = await send({ filters, marker: all.find(({ name }) => name === first.next)!.id });

    expect(first).toEqual({ names: ['7'], next: String(maxScannedImages - 1) });
    expect(readForFirst).toBe(maxScannedImages);
    expect(second.names).toEqual([String(maxScannedImages + 7)]);
  });

  test('a filter reads a maximum number of bytes; the page is then empty and has a `next`', async () => {
    const all = newestFirst(400, () => ({ properties: { x: 'y'.repeat(126_000) } }));
    const { send, read } = listing(all);

    const page = await send({ filters: [({ name }) => name === '399'] });

    expect(read.steps).toEqual([100, 33]);
    expect(page).toEqual({ names: [], next: '132' });
    expect(read.bytes).toBeLessThan(maxReadBytes + 127_000);
  });

  test('the `next` of an empty page is an image with a record', async () => {
    const all = newestFirst(2 * maxScannedImages);
    const { send } = listing(all, all.slice(maxScannedImages - 10, maxScannedImages + 10));

    const page = await send({ filters: [({ name }) => name === 'none'] });

    expect(page).toEqual({ names: [], next: String(maxScannedImages - 11) });
  });

  test('a page ends at the last entry of a lookup that reached its maximum', async () => {
    const all = newestFirst(50);
    const { send, read } = listing(all, [], 10);

    const short = await send({ limit: 25 });
    const full = await send({ limit: 10 });
    const filtered = await send({ limit: 25, filters: [({ name }) => name === '30'] });

    expect(short).toEqual({ names: positions(0, 10), next: '9' });
    expect(full).toEqual({ names: positions(0, 10), next: '9' });
    expect(filtered).toEqual({ names: [], next: '9' });
    expect(read.queries).toBe(3);
  });

  test('a page ends before it exceeds its size, and the next page continues', async () => {
    const all = newestFirst(40, () => ({ properties: { x: 'y'.repeat(126_000) } }));
    const { send } = listing(all);

    const first = await send();
    const second = await send({ marker: all.find(({ name }) => name === first.next)!.id });

    expect(first.names).toEqual(positions(0, 23));
    expect(first.next).toBe('22');
    expect(second).toEqual({ names: positions(23, 40), next: undefined });
  });

  test('a page can have exactly its maximum size', async () => {
    const bytes = JSON.stringify({ x: '' }).length;
    const all = newestFirst(4, () => ({ properties: { x: 'y'.repeat(maxPageBytes / 3 - bytes) } }));
    const { send } = listing(all);

    expect(await send()).toEqual({ names: positions(0, 3), next: '2' });
  });

  test('an image over the maximum size is a page', async () => {
    const all = newestFirst(2, () => ({ properties: { x: 'y'.repeat(maxPageBytes) } }));
    const { send } = listing(all);

    expect(await send()).toEqual({ names: ['0'], next: '0' });
  });

  test.each([
    { limit: 25, steps: [25] },
    { limit: 100, steps: [100] },
    { limit: 250, steps: [100, 150] },
    { limit: 1000, steps: [100, 200, 200, 200, 200, 100] },
  ])('the records of a page of $limit are read in the steps $steps', async ({ limit, steps }) => {
    const { send, read } = listing(newestFirst(1100));

    await send({ limit });

    expect([read.queries, read.steps]).toEqual([1, steps]);
  });

  test('a page of images of the maximum size reads one step', async () => {
    const { send, read } = listing(newestFirst(1000, () => ({ properties: { x: 'y'.repeat(130_000) } })));

    const { names } = await send({ limit: 1000 });

    expect([names.length, read.steps]).toEqual([23, [100]]);
  });
});

describe('in any other order', () => {
  const byName = [{ key: 'name', direction: 'asc' }] as const;

  test('pages follow each other', async () => {
    const all = newestFirst(1200, (n) => ({ name: String((n * 7) % 1200).padStart(4, '0') }));
    const { send } = listing(all);

    const names: (string | null)[] = [];
    let marker: string | undefined;
    let pages = 0;
    do {
      const page = await send({ sorts: byName, limit: 500, marker });
      names.push(...page.names);
      marker = all.find(({ name }) => name === page.next)?.id;
      pages += 1;
    } while (marker !== undefined);

    expect(names).toEqual(all.map(({ name }) => name).toSorted());
    expect(pages).toBe(3);
  });

  test('images with equal sort values are neither repeated nor left out', async () => {
    const all = newestFirst(7, () => ({ diskFormat: 'raw' }));
    const { send } = listing(all);
    const sorts = [{ key: 'disk_format', direction: 'asc' }] as const;

    const first = await send({ sorts, limit: 4 });
    const second = await send({ sorts, limit: 4, marker: all.find(({ name }) => name === first.next)!.id });

    expect([...first.names, ...second.names].toSorted()).toEqual(positions(0, 7));
    expect(second.next).toBeUndefined();
  });

  test('a sorted page contains only images that match its filter', async () => {
    const { send } = listing(newestFirst(9, (n) => ({ minRam: n % 2 })));

    const page = await send({ sorts: byName, limit: 3, filters: [({ minRam }) => minRam === 1] });

    expect(page).toEqual({ names: ['1', '3', '5'], next: '5' });
  });

  test('a list over the maximum number of images cannot be sorted', async () => {
    const enough = listing(newestFirst(maxSortedImages));
    const more = listing(newestFirst(maxSortedImages + 1));

    expect(await enough.send({ sorts: byName, limit: 1 })).toEqual({ names: ['0'], next: '0' });
    await expect(more.send({ sorts: byName, limit: 1 })).rejects.toMatchObject({ code: 'invalid-request' });
    expect(more.read.steps).toEqual([]);
  });

  test('a list over the maximum number of bytes cannot be sorted', async () => {
    const { send, read } = listing(newestFirst(400, () => ({ properties: { x: 'y'.repeat(126_000) } })));

    await expect(send({ sorts: byName, limit: 1 })).rejects.toMatchObject({ code: 'invalid-request' });
    expect(read.steps).toEqual([100, 33]);
  });

  test('a list whose lookup reached its maximum cannot be sorted', async () => {
    const { send, read } = listing(newestFirst(20), [], 10);

    await expect(send({ sorts: byName, limit: 1 })).rejects.toMatchObject({ code: 'invalid-request' });
    expect(read.steps).toEqual([]);
  });

  test('a sorted page reads the records that fit into it', async () => {
    const all = newestFirst(140, (n) => ({ name: String(n).padStart(4, '0'), properties: { x: 'y'.repeat(100_000) } }));
    const { send, read } = listing(all);

    const small = await send({ sorts: byName, limit: 10 });
    const large = await send({ sorts: byName, limit: 1000 });

    expect([small.names.length, small.next]).toEqual([10, '0009']);
    expect([large.names.length, large.next]).toEqual([29, '0028']);
    expect(read.steps).toEqual([100, 40, 10, 100, 40, 100]);
  });
});

test.each(['', 'not-an-id', '00000001-0000-7000-8000-999999999999'])('the marker %j is refused', async (marker) => {
  const { send } = listing(newestFirst(3));

  await expect(send({ marker })).rejects.toMatchObject({ code: 'invalid-request' });
  await expect(send({ marker, limit: 0 })).rejects.toMatchObject({ code: 'invalid-request' });
});

test('a position is a marker in creation order only', async () => {
  const all = newestFirst(3);
  const { send } = listing(all);
  const marker = `${all[0]!.createdAt},${idOf(all, 0)}`;

  expect(await send({ marker, limit: 1 })).toEqual({ names: ['1'], next: '1' });
  await expect(send({ marker, sorts: [{ key: 'name', direction: 'asc' }] })).rejects.toMatchObject({
    code: 'invalid-request',
  });
});

test('missing and hidden markers give the same refusal', async () => {
  const all = newestFirst(3);
  const { send } = listing(all);
  const refusal = (marker: string) =>
    send({ marker, caller: aCaller('gamma:member') }).catch((error: unknown) => error);

  expect(await refusal(idOf(all, 1))).toMatchObject({ code: 'invalid-request' });
  expect(await refusal(idOf(all, 1))).toEqual(await refusal('00000001-0000-7000-8000-999999999999'));
});

test('a caller without a role is refused', async () => {
  const { send } = listing([]);

  await expect(send({ caller: aCaller('alpha:other') })).rejects.toMatchObject({ code: 'not-permitted' });
});

test('a list that cannot contain images costs no lookup', async () => {
  const { send, read } = listing(newestFirst(3));

  const page = await send({ owner: aCaller('gamma:reader').projectId, visibility: 'private' });

  expect(page).toEqual({ names: [], next: undefined });
  expect(read.queries).toBe(0);
});
