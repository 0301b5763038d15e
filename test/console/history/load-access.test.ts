import { expect, test } from '@jest/globals';
import type { AccessPage } from '../../../console/api/types.ts';
import { loadAccess, maxPages } from '../../../console/history/load-access.ts';

const at = '2026-11-23T18:00:00Z';
const image = { visibility: 'shared', owner: 'alpha' } as const;
const beta = { member_id: 'beta', status: 'accepted', expires_at: null } as const;
const gamma = { member_id: 'gamma', status: 'pending', expires_at: null } as const;

const emptyPage = (next?: string): AccessPage => ({ at, image, members: [], ...(next !== undefined && { next }) });

/** Returns a function that loads pages by their paths, and the paths that were loaded. */
function pages(pageOf: (path: string) => AccessPage) {
  const loaded: string[] = [];
  const load = (path = 'first') => {
    loaded.push(path);
    return Promise.resolve(pageOf(path));
  };
  return { load, loaded };
}

test('a first page with members is enough', async () => {
  const { load, loaded } = pages(() => ({ ...emptyPage('2'), members: [beta] }));

  expect(await loadAccess(load)).toEqual({ at, image, members: [beta], next: '2' });
  expect(loaded).toEqual(['first']);
});

test('empty pages are skipped until one has members', async () => {
  const { load, loaded } = pages((path) =>
    path === '3' ? { ...emptyPage(), members: [gamma] } : emptyPage(path === 'first' ? '2' : '3'),
  );

  expect(await loadAccess(load)).toEqual({ at, image, members: [gamma] });
  expect(loaded).toEqual(['first', '2', '3']);
});

test('the last page ends the search', async () => {
  const { load, loaded } = pages((path) => emptyPage(path === 'first' ? '2' : undefined));

  expect(await loadAccess(load)).toEqual(emptyPage());
  expect(loaded).toEqual(['first', '2']);
});

test('one action loads a limited number of pages, and the next action continues', async () => {
  const { load, loaded } = pages((path) => emptyPage(String(path === 'first' ? 2 : Number(path) + 1)));

  const access = await loadAccess(load);
  expect(loaded).toEqual(['first', '2', '3', '4', '5']);
  expect(loaded).toHaveLength(maxPages);
  expect(access).toEqual(emptyPage('6'));

  loaded.length = 0;
  await loadAccess(load, access);
  expect(loaded).toEqual(['6', '7', '8', '9', '10']);
});

test('members of a further page follow those of the earlier pages', async () => {
  const { load } = pages(() => ({ ...emptyPage(), members: [gamma] }));

  expect(await loadAccess(load, { ...emptyPage('2'), members: [beta] })).toEqual({
    ...{ at, image },
    members: [beta, gamma],
  });
});
