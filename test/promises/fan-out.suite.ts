/**
 * Fan-outs over many members, cut off before each of their calls in turn, as by the end of a process: the next request
 * completes the pending change, and every member is refused from the required step on.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import { memberStatuses } from '../../lambda/domain/membership.ts';
import { imageKey, membershipKey } from '../../lambda/dynamodb/keys.ts';
import type { EngineCall } from '../support/engine-proxy.ts';
import { seedImage, type SeededMember } from '../support/seed.ts';
import type { TestResponse } from '../support/service.ts';
import { storedItems, type StoredItem } from '../support/stored-items.ts';
import { admin, imageApi, type ImageApi } from './image-api.ts';
import { brokenInvariants } from './invariants.ts';
import { itemAt, startWorld, type World } from './world.ts';

const quota = 128;
const withoutQuota = -1;

let world: World;
let api: ImageApi;
beforeAll(async () => {
  world = await startWorld(withoutQuota);
  api = imageApi(world);
});
afterAll(() => world.close());

/** Returns members with the statuses in turn. */
const members = (count: number): readonly SeededMember[] =>
  Array.from({ length: count }, (_, n) => ({
    project: `member-${String(n).padStart(4, '0')}`,
    status: memberStatuses[n % memberStatuses.length]!,
  }));

interface Change {
  readonly name: string;
  readonly request: (id: string) => Promise<TestResponse>;
  /** The replicated attributes at the end, or `deleted`. */
  readonly end: { readonly owner: string; readonly visibility: string; readonly os_hidden: boolean } | 'deleted';
  /** Before the change. */
  readonly from?: 'private' | 'shared';
  /** Other requests that complete the pending change. */
  readonly finishers: readonly Finisher[];
}

const shared = { owner: 'alpha', visibility: 'shared', os_hidden: false };
/** One or more parallel requests that complete a pending change. */
interface Finisher {
  readonly name: string;
  readonly request: (id: string) => Promise<readonly number[]>;
}

const finisher = (name: string, ...requests: readonly ((id: string) => Promise<TestResponse>)[]): Finisher => ({
  name,
  request: async (id) => (await Promise.all(requests.map((request) => request(id)))).map(({ status }) => status),
});

const anOffer = finisher('an offer', (id) => api.offer(id, 'late', admin));
const aChangeOfName = finisher('a change of its name', (id) => api.patch(id, { name: 'late' }, admin));
const severalInParallel = ({ request }: Change): Finisher =>
  finisher('several requests in parallel', request, request, (id) => api.patch(id, { name: 'late' }, admin));

const changes: readonly Change[] = [
  {
    name: 'leaving shared',
    request: (id) => api.patch(id, { visibility: 'private' }),
    end: { ...shared, visibility: 'private' },
    finishers: [anOffer, aChangeOfName],
  },
  {
    name: 'becoming shared',
    from: 'private',
    request: (id) => api.patch(id, { visibility: 'shared' }),
    end: shared,
    finishers: [anOffer, aChangeOfName],
  },
  {
    name: 'hiding',
    request: (id) => api.patch(id, { os_hidden: true }),
    end: { ...shared, os_hidden: true },
    finishers: [anOffer, aChangeOfName],
  },
  {
    name: 'a change of owner by an admin',
    request: (id) => api.patch(id, { owner: 'omega' }, admin),
    end: { ...shared, owner: 'omega' },
    finishers: [anOffer, aChangeOfName],
  },
  {
    name: 'a deletion',
    request: (id) => api.remove(id),
    end: 'deleted',
    finishers: [anOffer, aChangeOfName],
  },
];

/** Tables with one image, by what it is like: the same each time, so that little has to be written for the next time. */
const prepared = new Map<string, { readonly id: string; readonly items: readonly StoredItem[] }>();

/** A table with one image as it is before a change. */
async function start({ from = 'shared' }: Pick<Change, 'from'>, count = quota): Promise<string> {
  const name = `${from} ${count}`;
  let table = prepared.get(name);
  if (table === undefined) {
    await world.reset();
    const { id } = await seedImage(world.table, { owner: 'alpha', visibility: from, members: members(count) });
    table = { id, items: await storedItems(world.table) };
    prepared.set(name, table);
  }
  await world.reset(table.items);
  return table.id;
}

/** Ends the process that makes a request before its call of this number: no call of it reaches the engine any more. */
async function cutOff(request: () => Promise<TestResponse>, atCall: number): Promise<TestResponse> {
  let calls = 0;
  world.proxy.intercept(() => {
    calls += 1;
    // Not a fault that is worth repeating the call for: the request ends at once.
    return calls < atCall
      ? undefined
      : { status: 400, response: { __type: 'x#AccessDeniedException', message: 'cut' } };
  });
  const answer = await request();
  world.proxy.intercept(undefined);
  return answer;
}

/** What is left of a change that goes through, with or without help: the end, for every one of the members. */
async function stateOf(id: string): Promise<unknown> {
  const items = await storedItems(world.table);
  const facts = ({ owner: by, visibility, os_hidden }: StoredItem) => ({ owner: by, visibility, os_hidden });
  const record = items.find(({ pk, sk }) => pk === imageKey(id as ImageId).pk && sk === imageKey(id as ImageId).sk)!;
  const memberships = items.filter(({ sk, status }) => sk === `SHARED#${id}` && status !== undefined);
  return {
    broken: brokenInvariants(items),
    image: record['deleted_at'] === undefined ? facts(record) : 'deleted',
    memberships: memberships.length,
    facts: [...new Set(memberships.map((item) => JSON.stringify(facts(item))))],
  };
}

const stateAtTheEnd = ({ end }: Change, count: number, more = 0): unknown => ({
  broken: [],
  image: end,
  memberships: end === 'deleted' ? 0 : count + more,
  facts: end === 'deleted' || count + more === 0 ? [] : [JSON.stringify(end)],
});

describe.each(changes)('$name, with 128 members', (change) => {
  test('is whole when it is answered', async () => {
    const id = await start(change);

    const { status } = await change.request(id);

    expect([200, 204]).toContain(status);
    expect(await stateOf(id)).toEqual(stateAtTheEnd(change, quota));
  });

  test('is finished by its repetition, wherever it was cut off', async () => {
    const places = await callsOf(change);

    for (let place = 1; place <= places; place += 1) {
      const id = await start(change);
      const first = await cutOff(() => change.request(id), place);
      const left = brokenInvariants(await storedItems(world.table), { changesMayBePending: true });
      const second = await change.request(id);

      expect({ place, status: first.status, left }).toEqual({ place, status: 500, left: [] });
      expect([200, 204]).toContain(second.status);
      expect(await stateOf(id)).toEqual(stateAtTheEnd(change, quota));
    }
    process.stderr.write(`${change.name}: cut off before each of ${places} calls\n`);
  }, 300_000);

  test('is finished by whatever request finds it, wherever it was cut off', async () => {
    const places = await callsOf(change);
    const finishers = [...change.finishers, severalInParallel(change)];

    for (let place = callsUntilItIsMarked + 1; place <= places; place += 1) {
      const id = await start(change);
      await cutOff(() => change.request(id), place);
      const finisher = finishers[place % finishers.length]!;
      const statuses = await finisher.request(id);

      const offered = finisher === anOffer && statuses[0] === 200 ? 1 : 0;
      expect({ place, finisher: finisher.name, failed: statuses.filter((status) => status >= 500) }).toEqual({
        place,
        finisher: finisher.name,
        failed: [],
      });
      expect(await stateOf(id)).toEqual(stateAtTheEnd(change, quota, offered));
    }
  }, 300_000);
});

/** A read, and the write that sets the mark. */
const callsUntilItIsMarked = 2;

/** How many calls a change makes when nothing comes between. */
async function callsOf(change: Change): Promise<number> {
  const id = await start(change);
  const { calls } = await world.proxy.record(() => change.request(id));
  return calls.length;
}

test('on the way from shared a member is refused from when its own copy is changed, not before; never after the answer', async () => {
  const change = changes[0]!;
  const places = await callsOf(change);
  // One of the first chunk of members, one of the last, and one of the last who is withdrawn.
  const [first, last, withdrawn] = ['member-0001', 'member-0127', 'member-0124'] as const;
  const seen = new Set<string>();

  for (let place = 1; place <= places; place += 1) {
    const id = await start(change);
    const copyOf = (project: string) => itemAt(world.table, membershipKey(project as ProjectId, id as ImageId));
    let calls = 0;
    const held = await world.hold(
      () => (calls += 1) === place,
      () => change.request(id),
    );

    const withdrawal = await api.withdraw(id, withdrawn);
    // The last first: an answer that is refused finishes the change.
    for (const project of [last, first]) {
      const before = await copyOf(project);
      const isShared = before?.['visibility'] === 'shared';
      const answer = await api.answer(id, project, before?.['status'] === 'accepted' ? 'pending' : 'accepted');
      const byAdmin = await api.answer(id, project, 'rejected', admin);

      seen.add(`${project} ${isShared ? 'may answer' : 'is refused'}`);
      expect({ place, project, answer: answer.status, byAdmin: byAdmin.status }).toEqual({
        place,
        project,
        answer: isShared ? 200 : 404,
        byAdmin: isShared ? 200 : 403,
      });
      expect((await copyOf(project))?.['status']).toBe(isShared ? 'rejected' : before?.['status']);
    }
    const { status } = await held.release();

    expect([withdrawal.status, status]).toEqual([204, 200]);
    for (const project of [first, last, withdrawn]) {
      expect((await api.answer(id, project, 'accepted')).status).toBe(404);
    }
    expect(await stateOf(id)).toEqual(stateAtTheEnd(change, quota - 1));
  }

  expect(seen).toEqual(new Set([first, last].flatMap((project) => [`${project} may answer`, `${project} is refused`])));
}, 300_000);

test.each(changes.filter(({ name }) => ['leaving shared', 'a deletion'].includes(name)))(
  '$name, with a thousand members and no quota, cut off in the middle, is finished by its repetition',
  async (change) => {
    const count = 1000;
    const id = await start(change, count);
    const first = await cutOff(() => change.request(id), 12);
    const { result: second, calls } = await world.proxy.record(() => change.request(id));

    expect([first.status, second.status]).toEqual([500, change.end === 'deleted' ? 204 : 200]);
    expect(largestTransaction(calls)).toBeGreaterThan(50);
    expect(await stateOf(id)).toEqual(stateAtTheEnd(change, count));
  },
  300_000,
);

const largestTransaction = (calls: readonly EngineCall[]): number =>
  Math.max(...calls.map(({ request }) => ((request['TransactItems'] ?? []) as unknown[]).length));

/** Starts members that change their status after each response, until they are stopped. */
function keepAnswering(id: string, projects: readonly string[]): { stop(): Promise<number> } {
  let isStopped = false;
  const clients = projects.map(async (project) => {
    let requests = 0;
    for (; !isStopped; requests += 1) await api.answer(id, project, requests % 2 === 0 ? 'accepted' : 'rejected');
    return requests;
  });
  return {
    stop: async () => {
      isStopped = true;
      return (await Promise.all(clients)).reduce((sum, requests) => sum + requests, 0);
    },
  };
}

describe.each([
  { count: quota, attempts: 4 },
  { count: 1000, attempts: 1 },
])('while three of $count members keep changing their status', ({ count, attempts }) => {
  test.each(changes)(
    '$name succeeds in every attempt, in a bounded number of transactions',
    async (change) => {
      const projects = [0, count / 2, count - 1].map((n) => members(count)[n]!.project);
      for (let attempt = 1; attempt <= attempts; attempt += 1) {
        const id = await start(change, count);
        const clients = keepAnswering(id, projects);
        const startedAt = performance.now();

        const { result, calls } = await world.proxy.record(() => change.request(id));

        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
        const requests = await clients.stop();
        const transactions = calls.filter(({ action }) => action === 'TransactWriteItems').length;
        process.stderr.write(
          `${change.name}, ${count} members: ${result.status} in ${seconds} s, ${transactions} transactions, against ${requests} requests\n`,
        );
        expect([200, 204]).toContain(result.status);
        expect(transactions).toBeLessThan(maxTransactions);
        expect(await stateOf(id)).toEqual(stateAtTheEnd(change, count));
      }
    },
    600_000,
  );
});

/** 22 to delete 1000 members, the halves of a chunk for each of three, and as many by members that complete the change too. */
const maxTransactions = 120;
