import { describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../../lambda/domain/clock.ts';
import type { ImageListRepository } from '../../../lambda/domain/image-list.ts';
import type { ImageRepository } from '../../../lambda/domain/image-repository.ts';
import type { ImageId } from '../../../lambda/domain/ids.ts';
import type { Image } from '../../../lambda/domain/image.ts';
import {
  createListImages,
  mostExamined,
  mostSorted,
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

/** Lists of thousands of images in memory, counting what is read of them; `gone` are in the order but have no record. */
function listing(all: readonly Image[], gone: readonly Image[] = []) {
  const read = { rounds: 0, records: 0 };
  const lists: ImageListRepository = {
    page: (_, order, after, count) => {
      const ordered = order === 'desc' ? all : all.toReversed();
      const start = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after.id) + 1;
      const page = ordered.slice(start, start + count);
      read.rounds += 1;
      read.records += page.length;
      return Promise.resolve({
        images: page.filter((image) => !gone.includes(image)),
        next: start + count < ordered.length ? page.at(-1) : undefined,
      });
    },
  };
  const images: Pick<ImageRepository, 'find'> = {
    find: (imageId) =>
      Promise.resolve({ imageId, image: all.find(({ id }) => id === imageId), memberships: new Map() }),
  };
  const list = createListImages(images as ImageRepository, lists);
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
    expect(read.records).toBe(names.length);
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
    const all = newestFirst(2 * mostExamined);
    const { ask, read } = listing(all);
    const filters = [({ name }: Image) => name === '7' || name === String(mostExamined + 7)];

    const first = await ask({ filters });
    const readForFirst = read.records;
    const second = await ask({ filters, marker: all.find(({ name }) => name === first.next)!.id });

    expect(first).toEqual({ names: ['7'], next: String(mostExamined - 1) });
    expect(readForFirst).toBe(mostExamined);
    expect(second.names).toEqual([String(mostExamined + 7)]);
  });

  test('a page ends before it is too long for an answer, and goes on after', async () => {
    const all = newestFirst(40, () => ({ properties: { x: 'y'.repeat(126_000) } }));
    const { ask } = listing(all);

    const first = await ask();
    const second = await ask({ marker: all.find(({ name }) => name === first.next)!.id });

    expect(first.names).toEqual(places(0, 23));
    expect(first.next).toBe('22');
    expect(second).toEqual({ names: places(23, 40), next: undefined });
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
    const enough = listing(newestFirst(mostSorted));
    const more = listing(newestFirst(mostSorted + 1));

    expect(await enough.ask({ sorts: byName, limit: 1 })).toEqual({ names: ['0'], next: '0' });
    await expect(more.ask({ sorts: byName, limit: 1 })).rejects.toMatchObject({ code: 'invalid-request' });
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
  expect(read.rounds).toBe(0);
});
