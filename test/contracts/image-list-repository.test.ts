import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../lambda/domain/clock.ts';
import type { ListSource } from '../../lambda/domain/image-list.ts';
import type { ProjectId } from '../../lambda/domain/ids.ts';
import { visibilities, type Image } from '../../lambda/domain/image.ts';
import { memberStatuses, type MemberStatus } from '../../lambda/domain/membership.ts';
import { actor, answeredAt, openRepositories, type Adapters, type Repositories } from './open-repositories.ts';

let repositories: Repositories;
beforeAll(async () => {
  repositories = await openRepositories();
});
afterAll(() => repositories.close());

/** Returns a project that no other test uses. */
let projects = 0;
const aProject = (): ProjectId => `project-${(projects += 1)}` as ProjectId;

type Kinds = Extract<ListSource, { kind: 'owned' }> | Extract<ListSource, { kind: 'offered' }> | ListSource;
type Sparse<Source> = Source extends unknown
  ? Omit<Source, 'hidden' | 'owner' | 'visibilities'> & Partial<Source>
  : never;
const aRun = (source: Sparse<Kinds>): ListSource => ({
  hidden: false,
  owner: undefined,
  visibilities: undefined,
  ...source,
});
const ownedBy = (project: ProjectId, narrowed: Partial<ListSource> = {}) =>
  aRun({ kind: 'owned', project, ...narrowed } as Sparse<Kinds>);
const offeredTo = (project: ProjectId, status: MemberStatus | 'all') => aRun({ kind: 'offered', project, status });

const namesOf = (images: readonly Image[]) => images.map(({ name }) => name);

/** Reads the images of the next candidates of sources, and the position to continue after. */
async function readPage(lists: Adapters['lists'], ...parameters: Parameters<Adapters['lists']['candidates']>) {
  const { candidates, next } = await lists.candidates(...parameters);
  const { images } = await lists.records(candidates);
  return { images: images.filter((image) => image !== undefined), next };
}

/** Reads the names of all images of sources in pages. Returns the names and the number of pages. */
async function readAll(
  sources: readonly ListSource[],
  {
    order = 'desc',
    count = 100,
    lists = repositories.lists,
  }: { order?: 'asc' | 'desc'; count?: number; lists?: Adapters['lists'] } = {},
): Promise<{ names: (string | null)[]; pages: number }> {
  const names: (string | null)[] = [];
  for (let pages = 1, after: Parameters<Adapters['lists']['candidates']>[2]; ; pages += 1) {
    const page = await readPage(lists, sources, order, after, count);
    names.push(...namesOf(page.images));
    if (page.next === undefined) return { names, pages };
    expect(page.next).toMatchObject({ id: page.images.at(-1)?.id, createdAt: page.images.at(-1)?.createdAt });
    after = page.next;
  }
}

const second = (n: number): Timestamp => `2026-11-23T12:00:${String(n).padStart(2, '0')}Z` as Timestamp;

/** Creates images that are named in creation order, several of them in the same second. */
async function timeline(attributes: Partial<Image>, seconds: readonly number[]): Promise<Image[]> {
  const images: Image[] = [];
  for (const [n, at] of seconds.entries()) {
    images.push(await repositories.image({ ...attributes, name: String(n), createdAt: second(at) }));
  }
  const sorted = images.toSorted((a, b) => (`${a.createdAt}#${a.id}` < `${b.createdAt}#${b.id}` ? -1 : 1));
  return sorted;
}

describe('order and pages', () => {
  let owner: ProjectId;
  let oldestFirst: (string | null)[];
  beforeAll(async () => {
    owner = aProject();
    oldestFirst = namesOf(await timeline({ owner }, [1, 2, 2, 2, 3, 59, 59]));
  });

  const cases = ([1, 2, 3, 6, 7, 8] as const).flatMap((count) =>
    (['asc', 'desc'] as const).map((order) => ({ count, order, pages: Math.ceil(7 / count) })),
  );

  test.each(cases)('7 images, $count at a time, $order, are $pages pages', async ({ count, order, pages }) => {
    const read = await readAll([ownedBy(owner)], { order, count });

    expect(read).toEqual({ names: order === 'asc' ? oldestFirst : oldestFirst.toReversed(), pages });
  });

  test('a list continues after the position of a deleted image', async () => {
    const project = aProject();
    const [oldest, gone, newest] = await timeline({ owner: project }, [1, 2, 3]);
    await repositories.images.delete(gone!, actor);

    const older = await readPage(repositories.lists, [ownedBy(project)], 'desc', gone, 10);
    const newer = await readPage(repositories.lists, [ownedBy(project)], 'asc', gone, 10);

    expect(namesOf(older.images)).toEqual([oldest!.name]);
    expect(namesOf(newer.images)).toEqual([newest!.name]);
  });

  test('small pages of the engine give the same list', async () => {
    const { wire, wired } = repositories;
    wire.intercept(({ action, request }) => (action === 'Query' ? { request: { ...request, Limit: 2 } } : undefined));

    const read = await readAll([ownedBy(owner, { visibilities: ['shared'] })], { count: 5, lists: wired.lists });
    wire.intercept(undefined);

    expect(read).toEqual({ names: oldestFirst.toReversed(), pages: 2 });
  });

  describe('a filtered source with small pages of the engine', () => {
    const member = aProject();
    const [rare, common] = [aProject(), aProject()];
    let newestFirst: readonly Image[];
    beforeAll(async () => {
      const of = (project: ProjectId, seconds: number[]) => timeline({ owner: project }, seconds);
      const images = [...(await of(rare, [1])), ...(await of(common, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]))];
      for (const image of images) await repositories.share(image, member, 'accepted');
      newestFirst = images.toReversed();
      repositories.wire.intercept(({ action, request }) =>
        action === 'Query' && 'FilterExpression' in request ? { request: { ...request, Limit: 2 } } : undefined,
      );
    });
    afterAll(() => {
      repositories.wire.intercept(undefined);
    });
    const narrowed = (): ListSource => ({ ...offeredTo(member, 'accepted'), owner: rare });

    test('is read in at most four pages, and continues after the last entry that was read', async () => {
      const { wire, wired } = repositories;

      const first = await wire.record(() => wired.lists.candidates([narrowed()], 'desc', undefined, 5));
      const calls = first.calls.length;
      const second = await wired.lists.candidates([narrowed()], 'desc', first.result.next, 5);

      expect(calls).toBe(4);
      expect(first.result.candidates).toEqual([]);
      expect(first.result.next).toMatchObject({ id: newestFirst[7]!.id });
      expect(second.candidates.map(({ position }) => position.id)).toEqual([newestFirst[10]!.id]);
      expect(second.next).toBeUndefined();
    });

    test('withholds images of other sources after the last entry that was read', async () => {
      const { wired } = repositories;
      const own = await timeline({ owner: member }, [1, 3, 10]);
      const sources = [narrowed(), ownedBy(member)];

      const first = await wired.lists.candidates(sources, 'desc', undefined, 5);
      const second = await wired.lists.candidates(sources, 'desc', first.next, 5);

      const idsOf = ({ candidates }: typeof first) => candidates.map(({ position }) => position.id);
      expect(idsOf(first)).toEqual([own[2]!.id]);
      expect(idsOf(second).toSorted()).toEqual([own[1]!.id, own[0]!.id, newestFirst[10]!.id].toSorted());
    });
  });

  test('records are in the order of their candidates, with the size of all records that were read', async () => {
    const project = aProject();
    const images = await timeline({ owner: project, properties: { blob: 'x'.repeat(10_000) } }, [1, 2, 3]);
    const { candidates } = await repositories.lists.candidates([ownedBy(project)], 'asc', undefined, 10);
    await repositories.images.delete(images[1]!, actor);

    const { images: found, bytes } = await repositories.lists.records(candidates);

    expect(found).toEqual([images[0], undefined, images[2]]);
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(24_000);
  });

  test('an empty source is one empty page', async () => {
    const page = await readPage(repositories.lists, [ownedBy(aProject())], 'desc', undefined, 10);

    expect(page).toEqual({ images: [], next: undefined });
  });

  test('images are returned as their records', async () => {
    const project = aProject();
    const image = await repositories.image({ owner: project, tags: ['a'], properties: { os: 'linux' }, minRam: 3 });

    const { images } = await readPage(repositories.lists, [ownedBy(project)], 'desc', undefined, 1);

    expect(images).toEqual([image]);
  });
});

describe('sources', () => {
  test.each([false, true])('images that a project owns, hidden: %s', async (hidden) => {
    const owner = aProject();
    for (const visibility of visibilities) {
      await repositories.image({ owner, visibility, name: visibility, hidden });
      await repositories.image({ owner, visibility, name: `other ${visibility}`, hidden: !hidden });
    }
    await repositories.image({ owner: aProject() });

    const { names } = await readAll([ownedBy(owner, { hidden })]);
    const narrowed = await readAll([ownedBy(owner, { hidden, visibilities: ['private', 'public'] })]);

    expect(names.toSorted()).toEqual([...visibilities].toSorted());
    expect(narrowed.names.toSorted()).toEqual(['private', 'public']);
  });

  test.each([false, true])('images that are offered to a project, by status, hidden: %s', async (hidden) => {
    const member = aProject();
    for (const status of memberStatuses) {
      await repositories.share(await repositories.image({ name: status, hidden }), member, status);
      await repositories.share(await repositories.image({ name: `other ${status}`, hidden: !hidden }), member, status);
    }

    const lists = await Promise.all(
      memberStatuses.map(async (status) => (await readAll([{ ...offeredTo(member, status), hidden }])).names),
    );
    const all = await readAll([{ ...offeredTo(member, 'all'), hidden }]);

    expect(lists).toEqual(memberStatuses.map((status) => [status]));
    expect(all.names.toSorted()).toEqual([...memberStatuses].toSorted());
  });

  test('offered images are filtered by owner', async () => {
    const member = aProject();
    const owner = aProject();
    for (const each of [owner, aProject()]) {
      await repositories.share(await repositories.image({ owner: each, name: each }), member, 'accepted');
    }

    const { names } = await readAll([{ ...offeredTo(member, 'accepted'), owner }]);

    expect(names).toEqual([owner]);
  });

  test.each(['public', 'community'] as const)('what is %s, for everyone, narrowed to an owner', async (visibility) => {
    const owner = aProject();
    for (const each of visibilities) {
      await repositories.image({ owner, visibility: each, name: each });
      await repositories.image({ owner, visibility: each, name: `hidden ${each}`, hidden: true });
    }
    await repositories.image({ owner: aProject(), visibility, name: 'of another' });

    const shown = await readAll([aRun({ kind: 'public-or-community', visibility, owner })]);
    const hidden = await readAll([aRun({ kind: 'public-or-community', visibility, owner, hidden: true })]);
    const all = await readAll([aRun({ kind: 'public-or-community', visibility })]);

    expect([shown.names, hidden.names]).toEqual([[visibility], [`hidden ${visibility}`]]);
    expect(all.names).toEqual(expect.arrayContaining([visibility, 'of another']));
  });

  test.each(visibilities)("every project's %s images", async (visibility) => {
    const owner = aProject();
    for (const each of visibilities) await repositories.image({ owner, visibility: each, name: owner });
    const hidden = await repositories.image({ owner, visibility, name: owner, hidden: true });

    const shown = await readAll([aRun({ kind: 'catalog', visibility })]);
    const { images } = await readPage(
      repositories.lists,
      [aRun({ kind: 'catalog', visibility, hidden: true })],
      'desc',
      undefined,
      1000,
    );

    expect(shown.names.filter((name) => name === owner)).toHaveLength(1);
    expect(images.filter(({ id }) => id === hidden.id)).toEqual([hidden]);
  });

  test('rare images in a long source are found, with `next` exactly while more follow', async () => {
    const owner = aProject();
    await timeline({ owner, visibility: 'private' }, Array(12).fill(5));
    await repositories.image({ owner, visibility: 'community', name: 'newest', createdAt: second(9) });
    await repositories.image({ owner, visibility: 'community', name: 'oldest', createdAt: second(1) });

    const read = await readAll([ownedBy(owner, { visibilities: ['community', 'public'] })], { count: 1 });

    expect(read).toEqual({ names: ['newest', 'oldest'], pages: 2 });
  });
});

describe('several sources', () => {
  test('are merged into one order, with an image of several sources once', async () => {
    const project = aProject();
    const own = await timeline({ owner: project }, [1, 3, 5, 5]);
    const others = await timeline({ visibility: 'shared' }, [2, 3, 4]);
    for (const image of [...own, ...others]) await repositories.share(image, project, 'accepted');
    const expected = [...own, ...others]
      .toSorted((a, b) => (`${a.createdAt}#${a.id}` < `${b.createdAt}#${b.id}` ? 1 : -1))
      .map(({ id }) => id);

    for (const count of [1, 2, 3, 7]) {
      const ids: string[] = [];
      let after: Parameters<Adapters['lists']['candidates']>[2];
      do {
        const page = await readPage(
          repositories.lists,
          [ownedBy(project), offeredTo(project, 'accepted'), offeredTo(project, 'pending')],
          'desc',
          after,
          count,
        );
        ids.push(...page.images.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);

      expect(ids).toEqual(expected);
    }
  });
});

describe('after a change', () => {
  test('an answer moves an image to another source immediately', async () => {
    const member = aProject();
    const image = await repositories.image({ name: 'it' });
    await repositories.share(image, member);
    const where = () =>
      Promise.all(memberStatuses.map(async (status) => (await readAll([offeredTo(member, status)])).names.length));

    const places = [await where()];
    for (const status of ['accepted', 'rejected', 'pending'] as const) {
      const answer = {
        imageId: image.id,
        memberId: member,
        status,
        excludedOwner: member,
        at: () => answeredAt,
        actor,
      };
      await repositories.memberships.answer(answer);
      places.push(await where());
    }

    expect(memberStatuses).toEqual(['pending', 'accepted', 'rejected']);
    expect(places).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });

  test('an image that is not shared is in no source of its members, and returns with their statuses', async () => {
    const members = Object.fromEntries(memberStatuses.map((status) => [status, aProject()]));
    const image = await repositories.image();
    for (const status of memberStatuses) await repositories.share(image, members[status]!, status);
    const change = async (attributes: Partial<Image>) => {
      const before = (await repositories.read(image.id)).image!;
      await repositories.images.update(before, { ...before, ...attributes }, actor);
    };
    const shown = async (hidden = false) => {
      const found: string[] = [];
      for (const [status, member] of Object.entries(members)) {
        const all = memberStatuses.map((each) => ({ ...offeredTo(member, each), hidden }));
        const { images } = await readPage(repositories.lists, all, 'desc', undefined, 10);
        const { images: own } = await readPage(
          repositories.lists,
          [{ ...offeredTo(member, status as 'pending'), hidden }],
          'desc',
          undefined,
          10,
        );
        found.push(...images.map(() => `any:${status}`), ...own.map(() => status));
      }
      return found;
    };
    const everywhere = memberStatuses.flatMap((status) => [`any:${status}`, status]);

    const before = await shown();
    await change({ visibility: 'private' });
    const unshared = [await shown(), await shown(true)];
    await change({ visibility: 'shared' });
    const again = await shown();
    await change({ hidden: true });
    const hidden = [await shown(), await shown(true)];

    expect(before).toEqual(everywhere);
    expect(unshared).toEqual([[], []]);
    expect(again).toEqual(everywhere);
    expect(hidden).toEqual([[], everywhere]);
  });

  test('a withdrawn offer is in no source', async () => {
    const member = aProject();
    for (const status of memberStatuses) {
      const image = await repositories.image();
      await repositories.share(image, member, status);
      const withdrawal = { imageId: image.id, memberId: member, owner: undefined, at: () => new Date(), actor };
      await repositories.memberships.withdraw(withdrawal);
    }

    const { names } = await readAll(memberStatuses.map((status) => offeredTo(member, status)));
    const all = await readAll([offeredTo(member, 'all')]);

    expect([...names, ...all.names]).toEqual([]);
  });

  test('visibility, hiding, owner and deletion move a public or community image', async () => {
    const [owner, heir] = [aProject(), aProject()];
    const { id } = await repositories.image({ owner, visibility: 'private' });
    const change = async (attributes: Partial<Image> | undefined) => {
      const before = (await repositories.read(id)).image!;
      if (attributes) await repositories.images.update(before, { ...before, ...attributes }, actor);
      else await repositories.images.delete(before, actor);
    };
    const runs = {
      owned: ownedBy(owner),
      'owned, hidden': ownedBy(owner, { hidden: true }),
      inherited: ownedBy(heir, { hidden: true }),
      community: aRun({ kind: 'public-or-community', visibility: 'community' }),
      public: aRun({ kind: 'public-or-community', visibility: 'public' }),
      'public, hidden': aRun({ kind: 'public-or-community', visibility: 'public', hidden: true }),
      'catalog, private': aRun({ kind: 'catalog', visibility: 'private' }),
      'catalog, public': aRun({ kind: 'catalog', visibility: 'public' }),
      'catalog, public, hidden': aRun({ kind: 'catalog', visibility: 'public', hidden: true }),
    };
    const where = async () => {
      const found: string[] = [];
      for (const [name, run] of Object.entries(runs)) {
        const { images } = await readPage(repositories.lists, [run], 'desc', undefined, 1000);
        if (images.some((image) => image.id === id)) found.push(name);
      }
      return found;
    };

    const places = [await where()];
    const changes = [{ visibility: 'community' }, { visibility: 'public' }, { hidden: true }, { owner: heir }] as const;
    for (const each of [...changes, undefined]) {
      await change(each);
      places.push(await where());
    }

    expect(places).toEqual([
      ['owned', 'catalog, private'],
      ['owned', 'community'],
      ['owned', 'public', 'catalog, public'],
      ['owned, hidden', 'public, hidden', 'catalog, public, hidden'],
      ['inherited', 'public, hidden', 'catalog, public, hidden'],
      [],
    ]);
  });
});

describe('changes during the read of a list', () => {
  const cases = [
    { what: 'deleted', change: undefined },
    { what: 'made private', change: { visibility: 'private' } },
    { what: 'hidden', change: { hidden: true } },
  ] as const;

  test.each(cases)('an image that was $what between its place and its record is not shown', async ({ change }) => {
    const { wire, wired, images, image, share, read } = repositories;
    const member = aProject();
    const names = ['first', 'second', 'third'];
    const created: Image[] = [];
    for (const [n, name] of names.entries()) created.push(await image({ name, createdAt: second(n) }));
    for (const each of created) await share(each, member, 'accepted');
    wire.intercept(async ({ action }) => {
      if (action !== 'BatchGetItem') return undefined;
      wire.intercept(undefined);
      const before = (await read(created[2]!.id)).image!;
      await (change ? images.update(before, { ...before, ...change }, actor) : images.delete(before, actor));
      return undefined;
    });

    const page = await readPage(wired.lists, [offeredTo(member, 'accepted')], 'desc', undefined, 2);

    expect(namesOf(page.images)).toEqual(['second']);
    expect(page.next).toMatchObject({ id: created[1]!.id });
  });
});
