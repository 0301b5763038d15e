/**
 * Fan-outs against members that conflict with every write: the owner's request succeeds after a bounded number of calls,
 * and no completed write is repeated.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import { memberStatuses } from '../../lambda/domain/membership.ts';
import { parseTimestamp } from '../../lambda/domain/clock.ts';
import { connectTable } from '../../lambda/dynamodb/connect-table.ts';
import { DynamoDbMembershipRepository } from '../../lambda/dynamodb/dynamodb-membership-repository.ts';
import { imageKey, membershipKey } from '../../lambda/dynamodb/keys.ts';
import type { EngineCall, Interference } from '../support/engine-proxy.ts';
import { seedImage } from '../support/seed.ts';
import type { TestResponse } from '../support/service.ts';
import { storedItems, type StoredItem } from '../support/stored-items.ts';
import { admin, imageApi, type ImageApi } from './image-api.ts';
import { brokenInvariants } from './invariants.ts';
import { itemAt, startWorld, type Call, type World } from './world.ts';

let world: World;
let api: ImageApi;
let memberships: DynamoDbMembershipRepository;
beforeAll(async () => {
  world = await startWorld(-1);
  api = imageApi(world);
  memberships = new DynamoDbMembershipRepository(connectTable(world.table.tableName));
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const memberCount = 128;
/** A member of each chunk. */
const hotMembers: readonly string[] = ['member-063', 'member-127'];

interface FanOut {
  readonly name: string;
  readonly request: (id: string) => Promise<TestResponse>;
  readonly from?: 'private' | 'shared';
  /** The replicated attributes at the end, or `deleted`. */
  readonly end: Readonly<Record<string, unknown>> | 'deleted';
}

const shared = { owner: 'alpha', visibility: 'shared', os_hidden: false };
const fanOuts: readonly FanOut[] = [
  {
    name: 'leaving shared',
    request: (id) => api.patch(id, { visibility: 'private' }),
    end: { ...shared, visibility: 'private' },
  },
  {
    name: 'becoming shared',
    from: 'private',
    request: (id) => api.patch(id, { visibility: 'shared' }),
    end: shared,
  },
  { name: 'hiding', request: (id) => api.patch(id, { os_hidden: true }), end: { ...shared, os_hidden: true } },
  {
    name: 'a change of owner',
    request: (id) => api.patch(id, { owner: 'omega' }, admin),
    end: { ...shared, owner: 'omega' },
  },
  {
    name: 'a change of owner and hiding, from an owner that is a member too',
    request: (id) => api.patch(id, { owner: 'member-063', os_hidden: true }, admin),
    end: { ...shared, owner: 'member-063', os_hidden: true },
  },
  {
    name: 'a change of owner to a private one, away from a member',
    request: (id) => api.patch(id, { owner: 'omega', visibility: 'private' }, admin),
    end: { owner: 'omega', visibility: 'private', os_hidden: false },
  },
  { name: 'a deletion', request: (id) => api.remove(id), end: 'deleted' },
];

/** The fan-outs of the more expensive tests. */
const contended = fanOuts.filter(({ name }) => ['leaving shared', 'hiding', 'a deletion'].includes(name));

/** An image with members of every status; its owner is one of them. */
async function anImage(from: 'private' | 'shared' = 'shared', count = memberCount): Promise<string> {
  const members = Array.from({ length: count }, (_, n) => ({
    project: n === 1 ? 'alpha' : memberNamed(n),
    status: memberStatuses[n % memberStatuses.length]!,
  }));
  return (await seedImage(world.table, { owner: 'alpha', visibility: from, members })).id;
}

const memberNamed = (n: number): string => `member-${String(n).padStart(3, '0')}`;

async function stateOf(id: string): Promise<unknown> {
  const items = await storedItems(world.table);
  const attributes = ({ owner, visibility, os_hidden }: StoredItem) => ({ owner, visibility, os_hidden });
  const record = items.find(({ pk, sk }) => pk === imageKey(id as ImageId).pk && sk === imageKey(id as ImageId).sk)!;
  const members = items.filter(({ sk, status }) => sk === `SHARED#${id}` && status !== undefined);
  return {
    broken: brokenInvariants(items),
    image: record['deleted_at'] === undefined ? attributes(record) : 'deleted',
    members: members.length,
    attributes: [...new Set(members.map((item) => JSON.stringify(attributes(item))))],
  };
}

const stateAfter = ({ end }: FanOut, members = memberCount): unknown => ({
  broken: [],
  image: end,
  members: end === 'deleted' ? 0 : members,
  attributes: end === 'deleted' ? [] : [JSON.stringify(end)],
});

type Actions = readonly Readonly<Record<string, any>>[];
const actionsOf = ({ request }: Pick<Call, 'request'>): Actions => (request['TransactItems'] ?? []) as Actions;

/** Returns the projects of the memberships that a call writes. */
const projectsIn = (call: Pick<Call, 'request'>): readonly string[] =>
  actionsOf(call).flatMap(({ Update: update }) => {
    const { pk, sk } = update?.Key ?? {};
    return sk?.S.startsWith('SHARED#') === true ? [String(pk.S).replace('PROJECT#', '')] : [];
  });

const transactionsOf = (calls: readonly EngineCall[]): readonly EngineCall[] =>
  calls.filter(({ action }) => action === 'TransactWriteItems');

/** Changes the status of a membership, as a request of the member or an admin does, unless it is refused. */
async function changeStatus(id: string, project: string, excludedOwner: string | undefined): Promise<void> {
  const key = membershipKey(project as ProjectId, id as ImageId);
  const status = (await itemAt(world.table, key))?.['status'] === 'accepted' ? 'rejected' : 'accepted';
  await memberships.answer({
    imageId: id as ImageId,
    memberId: project as ProjectId,
    status,
    excludedOwner: excludedOwner as ProjectId | undefined,
    at: () => parseTimestamp('2026-11-23T12:00:00Z')!,
    actor: { projectId: project as ProjectId, userId: 'hot', via: 'http' },
  });
}

describe.each(fanOuts)('$name', (fanOut) => {
  test('succeeds against members whose statuses change before every write of it', async () => {
    const id = await anImage(fanOut.from);
    const changed: string[] = [];
    world.proxy.intercept(async (call) => {
      const hot = hotMembers.filter((each) => projectsIn(call).includes(each));
      for (const project of hot) {
        await changeStatus(id, project, project);
        changed.push(project);
      }
      return undefined;
    });

    const { result, calls } = await world.proxy.record(() => fanOut.request(id));

    world.proxy.intercept(undefined);
    expect([200, 204]).toContain(result.status);
    expect(new Set(changed)).toEqual(new Set(hotMembers));
    expect(await stateOf(id)).toEqual(stateAfter(fanOut));
    // Each hot member splits its chunk into halves until it is alone.
    expect(transactionsOf(calls).length).toBeLessThan(70);
  });

  test('succeeds against an admin who changes every status before every write of it', async () => {
    const id = await anImage(fanOut.from, 6);
    world.proxy.intercept(async (call) => {
      for (const project of projectsIn(call)) await changeStatus(id, project, undefined);
      return undefined;
    });

    const { result, calls } = await world.proxy.record(() => fanOut.request(id));

    world.proxy.intercept(undefined);
    expect([200, 204]).toContain(result.status);
    expect(await stateOf(id)).toEqual(stateAfter(fanOut, 6));
    expect(transactionsOf(calls).length).toBeLessThan(90);
  });

  test('succeeds against members that conflict with every transaction of more than themselves', async () => {
    const id = await anImage(fanOut.from);
    const alone = new Map<string, number>();
    world.proxy.intercept((call): Interference | undefined => {
      const projects = projectsIn(call);
      const hot = projects.filter((project) => hotMembers.includes(project));
      if (hot.length === 0) return undefined;
      if (projects.length > 1) return conflictOf(call, hot);
      // Alone, every fourth attempt succeeds.
      const tries = (alone.get(projects[0]!) ?? 0) + 1;
      alone.set(projects[0]!, tries);
      return tries < 4 ? conflictOf(call, hot) : undefined;
    });

    const { result, calls } = await world.proxy.record(() => fanOut.request(id));

    world.proxy.intercept(undefined);
    expect([200, 204]).toContain(result.status);
    expect(await stateOf(id)).toEqual(stateAfter(fanOut));
    expect(transactionsOf(calls).length).toBeLessThan(150);
  });
});

test('a chunk that conflicts with another request over the image alone is not split', async () => {
  const id = await anImage();
  let conflicts = 0;
  world.proxy.intercept((call): Interference | undefined => {
    if (projectsIn(call).length === 0 || (conflicts += 1) > 6) return undefined;
    return conflictOf(call, []);
  });

  const { result, calls } = await world.proxy.record(() => api.patch(id, { os_hidden: true }));

  world.proxy.intercept(undefined);
  expect(result.status).toBe(200);
  expect(transactionsOf(calls).map((call) => projectsIn(call).length)).toEqual([0, ...Array(7).fill(99), 29, 0]);
});

test('a member that is written is not written again because another one was refused', async () => {
  const id = await anImage();
  world.proxy.intercept(async (call) => {
    if (projectsIn(call).includes('member-063')) await changeStatus(id, 'member-063', 'member-063');
    return undefined;
  });

  const { result, calls } = await world.proxy.record(() => api.patch(id, { os_hidden: true }));

  world.proxy.intercept(undefined);
  const written = transactionsOf(calls)
    .filter(({ status }) => status === 200)
    .flatMap(projectsIn)
    .filter((project) => project !== 'member-063');
  expect(result.status).toBe(200);
  expect(written.length).toBe(memberCount - 1);
  expect(new Set(written).size).toBe(memberCount - 1);
});

test.each(contended)('$name succeeds while members are withdrawn, one before every write of it', async (fanOut) => {
  const id = await anImage();
  let withdrawn = 0;
  let isWithdrawing = false;
  world.proxy.intercept(async (call) => {
    const project = isWithdrawing || withdrawn === 20 ? undefined : projectsIn(call).at(-1);
    if (project === undefined) return undefined;
    isWithdrawing = true;
    withdrawn += 1;
    const isWithdrawn = await memberships.withdraw({
      imageId: id as ImageId,
      memberId: project as ProjectId,
      owner: undefined,
      at: () => new Date(),
      actor: { projectId: 'alpha' as ProjectId, userId: 'hot', via: 'http' },
    });
    isWithdrawing = false;
    expect(isWithdrawn).toBe(true);
    return undefined;
  });

  const { result, calls } = await world.proxy.record(() => fanOut.request(id));

  world.proxy.intercept(undefined);
  expect([200, 204]).toContain(result.status);
  expect(withdrawn).toBeGreaterThan(5);
  expect(await stateOf(id)).toEqual(stateAfter(fanOut, memberCount - withdrawn));
  expect(transactionsOf(calls).length).toBeLessThan(100);
});

test.each(contended)(
  '$name succeeds in several parallel requests, against members that change before every write',
  async (fanOut) => {
    const id = await anImage(fanOut.from);
    world.proxy.intercept(async (call) => {
      for (const project of projectsIn(call).filter((each) => hotMembers.includes(each)))
        await changeStatus(id, project, project);
      return undefined;
    });

    const answers = await Promise.all([
      fanOut.request(id),
      fanOut.request(id),
      api.patch(id, { name: 'late' }, admin),
      api.offer(id, 'late', admin),
    ]);

    world.proxy.intercept(undefined);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    expect([200, 204]).toContain(answers[0].status);
    const offered = fanOut.end !== 'deleted' && answers[3].status === 200 ? 1 : 0;
    expect(await stateOf(id)).toEqual(stateAfter(fanOut, memberCount + offered));
  },
);

test.each(contended.slice(0, 2))(
  '$name is completed by its repetition wherever it was cut off, against a member that changes before every write',
  async (fanOut) => {
    for (let cutAt = callsUntilPending + 1, isReached = true; isReached; cutAt += 1) {
      const id = await anImage(fanOut.from, 3);
      let calls = 0;
      let isChanging = false;
      world.proxy.intercept(async (call) => {
        if (isChanging) return undefined;
        calls += 1;
        if (calls >= cutAt) return { status: 400, response: { __type: 'x#AccessDeniedException' } };
        isChanging = true;
        if (projectsIn(call).includes('member-002')) await changeStatus(id, 'member-002', 'member-002');
        isChanging = false;
        return undefined;
      });
      const first = await fanOut.request(id);
      world.proxy.intercept(undefined);
      isReached = calls >= cutAt;
      const left = brokenInvariants(await storedItems(world.table), { changesMayBePending: true });

      const second = isReached ? await fanOut.request(id) : first;

      expect({ cutAt, left, status: second.status }).toEqual({ cutAt, left: [], status: 200 });
      expect(await stateOf(id)).toEqual(stateAfter(fanOut, 3));
    }
  },
);

/** A read, and the write of the pending change. */
const callsUntilPending = 2;

test('a fan-out that exceeds its deadline is refused with try-again-later and keeps its completed writes', async () => {
  const id = await anImage();
  const { now } = Date;
  let passed = 0;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + passed);
  world.proxy.intercept((call) => {
    if (projectsIn(call).length > 0) passed = 30_000;
    return undefined;
  });

  const { result: first } = await world.proxy.record(() => api.remove(id));
  clock.mockRestore();
  world.proxy.intercept(undefined);
  const { result: second, calls } = await world.proxy.record(() => api.remove(id));

  expect([first.status, first.body.error, second.status]).toEqual([503, 'try-again-later', 204]);
  expect(transactionsOf(calls).flatMap(projectsIn)).toHaveLength(memberCount - 49);
  expect(await stateOf(id)).toEqual(stateAfter(fanOuts.at(-1)!));
});

/** Returns the engine's response to a transaction that conflicts on memberships of projects, or on the image if none. */
function conflictOf(call: Pick<Call, 'request'>, projects: readonly string[]): Interference {
  const reasons = actionsOf(call).map((action, n) => {
    const isHot = projectsIn({ request: { TransactItems: [action] } }).some((each) => projects.includes(each));
    return { Code: isHot || (n === 0 && projects.length === 0) ? 'TransactionConflict' : 'None' };
  });
  return { status: 400, response: { __type: 'x#TransactionCanceledException', CancellationReasons: reasons } };
}
