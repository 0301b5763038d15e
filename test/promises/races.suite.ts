/**
 * Races of requests on one image, hundreds of times in different orders: the responses and the stored items are always the
 * result of one of the sequential orders.
 */
import assert from 'node:assert/strict';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Interceptor } from '../support/engine-proxy.ts';
import { seedImage, type SeededMember } from '../support/seed.ts';
import type { TestResponse } from '../support/service.ts';
import { storedItems } from '../support/stored-items.ts';
import { checkThenWrite } from './check-then-write.ts';
import { admin, imageApi, memberOf, tagOf, withIfMatch, type ImageApi } from './image-api.ts';
import { brokenInvariants } from './invariants.ts';
import { future, past } from './scenarios/scenario.ts';
import { assertAnswered, startWorld, type World } from './world.ts';
import { randomNumbers } from '../support/random-numbers.ts';

const quota = 4;
const roundsPerRace = 40;
/** Number of rounds in which a check-then-write must be detected. Usually the first rounds detect it. */
const maxRoundsToDetectFault = 120;
/** Maximum number of calls of the other requests before a request starts. A round uses one of these. */
const maxCallsBefore = [0, 4, 8];
/** Milliseconds between check and write. One of the first `slowAmong` writes of a round is slow. */
const pauseMilliseconds = { usual: 4, slow: 60, slowAmong: 5 };

interface Race {
  readonly name: string;
  /** The image before the race. */
  readonly image: { readonly visibility?: 'shared' | 'private'; readonly members: readonly SeededMember[] };
  /** Returns the requests, which can start in any order. */
  readonly requests: (api: ImageApi, id: string) => readonly (() => Promise<TestResponse>)[];
  /**
   * True if a check-then-write is harmless, because every answer is refused until the members are changed, or is too
   * rarely harmful, because two changes must come between the check and the write.
   */
  readonly toleratesCheckThenWrite?: true;
  /** Checks the statuses of the responses, in the order of the requests, against the state. @throws Error if they differ */
  readonly judge: (statuses: readonly number[], api: ImageApi, id: string) => Promise<void>;
}

const pending = (...projects: readonly string[]): readonly SeededMember[] =>
  projects.map((project) => ({ project, status: 'pending' }));

const assertOneOf = (statuses: readonly number[], ...allowed: readonly (readonly number[])[]): void => {
  assert(
    allowed.some((each) => each.join() === statuses.join()),
    `answered ${statuses.join()}, not one of ${allowed.map((each) => each.join()).join(' or ')}`,
  );
};

const races: readonly Race[] = [
  {
    name: 'four offers of one member',
    image: { members: [] },
    requests: (api, id) => [
      () => api.offer(id, 'beta'),
      () => api.offer(id, 'beta'),
      () => api.offer(id, 'beta', admin),
      () => api.offer(id, 'beta', admin),
    ],
    judge: async (statuses, api, id) => {
      assertOneOf(statuses.toSorted(), [200, 409, 409, 409]);
      assert.deepEqual(await api.members(id), { beta: 'pending' });
    },
  },
  {
    name: 'answers against a withdrawal',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => [
      () => api.withdraw(id, 'beta'),
      () => api.answer(id, 'beta', 'accepted'),
      () => api.answer(id, 'beta', 'rejected', admin),
    ],
    judge: async ([withdrawn, ...answered], api, id) => {
      assertOneOf([withdrawn!], [204]);
      assertOneOf(answered, [200, 200], [200, 404], [404, 200], [404, 404]);
      assert.deepEqual(await api.members(id), { gamma: 'pending' });
      assert.deepEqual(await api.list(memberOf('beta'), '?member_status=all'), []);
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 404);
    },
  },
  {
    name: 'answers with the same entity tag',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => {
      const tagged = api.showMember(id, 'beta').then((shown) => withIfMatch(api, tagOf(shown)));
      return [
        async () => (await tagged).answer(id, 'beta', 'accepted'),
        async () => (await tagged).answer(id, 'beta', 'rejected'),
        async () => (await tagged).answer(id, 'beta', 'accepted', admin),
      ];
    },
    judge: async (statuses, api, id) => {
      assertOneOf(statuses.toSorted(), [200, 412, 412]);
      const status = statuses[1] === 200 ? 'rejected' : 'accepted';
      assert.deepEqual(await api.members(id), { beta: status, gamma: 'pending' });
    },
  },
  {
    name: 'answers with the entity tag of an offer that is withdrawn and renewed',
    image: { members: pending('beta', 'gamma') },
    toleratesCheckThenWrite: true,
    requests: (api, id) => {
      const tagged = api.showMember(id, 'beta').then((shown) => withIfMatch(api, tagOf(shown)));
      return [
        async () => (await tagged).answer(id, 'beta', 'accepted'),
        async () => (await tagged).answer(id, 'beta', 'rejected'),
        async () => (await tagged).answer(id, 'beta', 'accepted', admin),
        async () => {
          await tagged;
          assertAnswered(await api.withdraw(id, 'beta'), 204);
          return api.offer(id, 'beta');
        },
      ];
    },
    judge: async (statuses, api, id) => {
      const renewed = statuses.at(-1);
      const answered = statuses.slice(0, -1);
      assert(answered.every((status) => [200, 404, 412].includes(status)));
      assert(answered.filter((status) => status === 200).length <= 1);
      assertOneOf([renewed!], [200]);
      assert.deepEqual(await api.members(id), { beta: 'pending', gamma: 'pending' });
    },
  },
  {
    name: 'a withdrawal against another and a new offer',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => [
      () => api.withdraw(id, 'beta'),
      () => api.withdraw(id, 'beta', admin),
      () => api.offer(id, 'beta'),
    ],
    judge: async (statuses, api, id) => {
      // Both withdraw a membership only if the offer comes between them.
      assertOneOf(statuses, [204, 404, 409], [404, 204, 409], [204, 404, 200], [404, 204, 200], [204, 204, 200]);
      const isMember = statuses[2] === 200 && !(statuses[0] === 204 && statuses[1] === 204);
      assert.deepEqual(await api.members(id), { gamma: 'pending', ...(isMember && { beta: 'pending' }) });
    },
  },
  {
    name: 'offers at the quota',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => ['p', 'q', 'r', 's', 't', 'u'].map((project) => () => api.offer(id, project)),
    judge: async (statuses, api, id) => {
      assertOneOf(statuses.toSorted(), [200, 200, 413, 413, 413, 413]);
      assert.equal(Object.keys(await api.members(id)).length, quota);
    },
  },
  {
    name: 'an answer against leaving shared',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => [
      () => api.patch(id, { visibility: 'private' }),
      () => api.answer(id, 'beta', 'accepted'),
      () => api.answer(id, 'gamma', 'rejected'),
    ],
    judge: async ([changed, ...answered], api, id) => {
      assertOneOf([changed!], [200]);
      assertOneOf(answered, [200, 200], [200, 404], [404, 200], [404, 404]);
      assertAnswered(await api.answer(id, 'beta', 'pending'), 404);
      assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
      assert.deepEqual(await api.members(id), {
        beta: answered[0] === 200 ? 'accepted' : 'pending',
        gamma: answered[1] === 200 ? 'rejected' : 'pending',
      });
    },
  },
  {
    name: 'an answer against becoming shared',
    image: { visibility: 'private', members: pending('beta', 'gamma') },
    toleratesCheckThenWrite: true,
    requests: (api, id) => [
      () => api.patch(id, { visibility: 'shared' }),
      () => api.answer(id, 'beta', 'accepted'),
      () => api.answer(id, 'gamma', 'rejected', admin),
    ],
    judge: async ([changed, ...answered], api, id) => {
      assertOneOf([changed!], [200]);
      assertOneOf(answered, [200, 200], [200, 403], [404, 200], [404, 403]);
      assert.deepEqual(await api.members(id), {
        beta: answered[0] === 200 ? 'accepted' : 'pending',
        gamma: answered[1] === 200 ? 'rejected' : 'pending',
      });
      assert.deepEqual(await api.list(memberOf('beta')), answered[0] === 200 ? [id] : []);
    },
  },
  {
    name: 'answers and a withdrawal against the deletion of the image',
    image: { members: pending('beta', 'gamma', 'delta') },
    requests: (api, id) => [
      () => api.remove(id),
      () => api.answer(id, 'beta', 'accepted'),
      () => api.answer(id, 'gamma', 'rejected', admin),
      () => api.withdraw(id, 'delta'),
    ],
    judge: async ([removed, ...others], api, id) => {
      assertOneOf([removed!], [204]);
      assert(
        others.every((status) => [200, 204, 404].includes(status)),
        others.join(),
      );
      assertAnswered(await api.show(id, admin), 404);
      assertAnswered(await api.answer(id, 'beta', 'accepted', admin), 404);
      assert.deepEqual(await api.list(memberOf('beta'), '?member_status=all'), []);
    },
  },
  {
    name: 'offers against the deletion of the image',
    image: { members: [] },
    requests: (api, id) => [() => api.remove(id), () => api.offer(id, 'beta'), () => api.offer(id, 'gamma')],
    judge: async ([removed, ...offered], api, id) => {
      assertOneOf([removed!], [204]);
      assertOneOf(offered, [200, 200], [200, 404], [404, 200], [404, 404]);
      assertAnswered(await api.answer(id, 'beta', 'accepted', admin), 404);
    },
  },
  {
    name: 'offers against leaving shared',
    image: { members: pending('beta') },
    requests: (api, id) => [
      () => api.patch(id, { visibility: 'community' }),
      () => api.offer(id, 'gamma'),
      () => api.offer(id, 'delta', admin),
    ],
    judge: async ([changed, ...offered], api, id) => {
      assertOneOf([changed!], [200]);
      assertOneOf(offered, [200, 200], [200, 403], [403, 200], [403, 403]);
      assertAnswered(await api.answer(id, 'gamma', 'accepted'), 403);
      assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
      assert.deepEqual(await api.members(id), {
        beta: 'pending',
        ...(offered[0] === 200 && { gamma: 'pending' }),
        ...(offered[1] === 200 && { delta: 'pending' }),
      });
    },
  },
  {
    name: 'answers against hiding',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => [
      () => api.patch(id, { os_hidden: true }),
      () => api.answer(id, 'beta', 'accepted'),
      () => api.answer(id, 'gamma', 'rejected'),
    ],
    judge: async (statuses, api, id) => {
      assertOneOf(statuses, [200, 200, 200]);
      assert.deepEqual(await api.list(memberOf('beta')), []);
      assert.deepEqual(await api.list(memberOf('beta'), '?os_hidden=true'), [id]);
      assert.deepEqual(await api.list(memberOf('gamma'), '?os_hidden=true'), []);
      assert.deepEqual(await api.list(memberOf('gamma'), '?os_hidden=true&member_status=rejected'), [id]);
    },
  },
  {
    name: 'several changes of the same image',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => [
      () => api.patch(id, { visibility: 'private' }),
      () => api.patch(id, { os_hidden: true }, admin),
      () => api.patch(id, { colour: 'green' }),
      () => api.patch(id, { owner: 'alpha', size_class: 'small' }, admin),
    ],
    judge: async (statuses, api, id) => {
      assertOneOf(statuses, [200, 200, 200, 200]);
      const { body } = await api.show(id);
      assert.deepEqual({ ...body, visibility: 'private', os_hidden: true, colour: 'green', size_class: 'small' }, body);
    },
  },
  {
    name: 'leaving against answers',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => [
      () => api.leave(id, 'beta'),
      () => api.answer(id, 'beta', 'accepted'),
      () => api.answer(id, 'beta', 'rejected', admin),
    ],
    judge: async ([left, ...answered], api, id) => {
      assertOneOf([left!], [204]);
      assertOneOf(answered, [200, 200], [200, 404], [404, 200], [404, 404]);
      assert.deepEqual(await api.members(id), { gamma: 'pending' });
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 404);
    },
  },
  {
    name: 'leaving against withdrawals',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => [
      () => api.leave(id, 'beta'),
      () => api.withdraw(id, 'beta'),
      () => api.withdraw(id, 'beta', admin),
    ],
    judge: async (statuses, api, id) => {
      assertOneOf(statuses, [204, 404, 404], [404, 204, 404], [404, 404, 204]);
      assert.deepEqual(await api.members(id), { gamma: 'pending' });
    },
  },
  {
    name: 'leaving against the deletion of the image',
    image: { members: pending('beta', 'gamma', 'delta') },
    requests: (api, id) => [() => api.remove(id), () => api.leave(id, 'beta'), () => api.leave(id, 'gamma')],
    judge: async ([removed, ...left], api, id) => {
      assertOneOf([removed!], [204]);
      assertOneOf(left, [204, 204], [204, 404], [404, 204], [404, 404]);
      assertAnswered(await api.show(id, admin), 404);
    },
  },
  {
    name: 'leaving against leaving shared',
    image: { members: pending('beta', 'gamma', 'delta') },
    // Only the fan-out reads the members before it writes them, and few rounds delay it long enough.
    toleratesCheckThenWrite: true,
    requests: (api, id) => [
      () => api.patch(id, { visibility: 'private' }),
      () => api.leave(id, 'beta'),
      () => api.leave(id, 'gamma'),
    ],
    judge: async (statuses, api, id) => {
      assertOneOf(statuses, [200, 204, 204]);
      assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
      assert.deepEqual(await api.members(id), { delta: 'pending' });
    },
  },
  {
    name: 'changes of the end against a withdrawal',
    image: { members: pending('beta', 'gamma') },
    requests: (api, id) => [
      () => api.withdraw(id, 'beta'),
      () => api.changeExpiry(id, 'beta', future),
      () => api.changeExpiry(id, 'beta', null, admin),
    ],
    judge: async ([withdrawn, ...changed], api, id) => {
      assertOneOf([withdrawn!], [204]);
      assertOneOf(changed, [200, 200], [200, 404], [404, 200], [404, 404]);
      assert.deepEqual(await api.members(id), { gamma: 'pending' });
    },
  },
  {
    name: 'changes of the end against leaving shared',
    image: { members: pending('beta', 'gamma') },
    // A change that is applied after its check is as good as one that was applied earlier.
    toleratesCheckThenWrite: true,
    requests: (api, id) => [
      () => api.patch(id, { visibility: 'private' }),
      () => api.changeExpiry(id, 'beta', future),
      () => api.changeExpiry(id, 'gamma', future, admin),
    ],
    judge: async ([changed, ...ends], api, id) => {
      assertOneOf([changed!], [200]);
      assertOneOf(ends, [200, 200], [200, 403], [403, 200], [403, 403]);
      assertAnswered(await api.changeExpiry(id, 'beta', null), 403);
      assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
      for (const [n, project] of ['beta', 'gamma'].entries()) {
        const { body } = assertAnswered(await api.changeExpiry(id, project, null), 200);
        assert.equal(body.updated_at === body.created_at, ends[n] !== 200);
      }
    },
  },
  {
    name: 'offers after the end',
    image: { members: [{ project: 'beta', status: 'accepted', expiresAt: past }, ...pending('gamma')] },
    requests: (api, id) => [
      () => api.offer(id, 'beta'),
      () => api.offer(id, 'beta', admin),
      () => api.offerUntil(id, 'beta', future),
      () => api.answer(id, 'beta', 'rejected'),
      () => api.leave(id, 'beta'),
    ],
    judge: async ([first, second, third, answered, left], api, id) => {
      const offered = [first!, second!, third!].filter((status) => status === 200).length;
      // Two offers are made only if the member leaves between them.
      assert(offered === 1 || (offered === 2 && left === 204), `${offered} offers, ${left}`);
      assertOneOf([answered!, left!], [200, 204], [200, 404], [404, 204], [404, 404]);
      const isMember = left === 404 || offered === 2;
      const members = await api.members(id);
      assert.deepEqual(Object.keys(members).toSorted(), isMember ? ['beta', 'gamma'] : ['gamma']);
      if (answered === 404) assert.equal(members['beta'] ?? 'pending', 'pending');
    },
  },
  {
    name: 'offers at the quota, one of whose members has passed its end',
    image: {
      members: [{ project: 'beta', status: 'accepted', expiresAt: past }, ...pending('gamma', 'delta', 'zeta')],
    },
    requests: (api, id) => ['p', 'q', 'r'].map((project) => () => api.offer(id, project)),
    judge: async (statuses, api, id) => {
      assertOneOf(statuses.toSorted(), [200, 413, 413]);
      assert.equal(Object.keys(await api.members(id)).length, quota);
    },
  },
  {
    name: 'standing answers of one project to several owners',
    image: { members: [] },
    requests: (api) => [
      () => api.setStandingAnswer('beta', 'alpha', 'accepted'),
      () => api.setStandingAnswer('beta', 'gamma', 'rejected'),
      () => api.setStandingAnswer('beta', 'delta', 'accepted'),
      () => api.removeStandingAnswer('beta', 'zeta'),
    ],
    judge: async (statuses, api) => {
      assertOneOf(statuses, [200, 200, 200, 404]);
      assert.deepEqual(await api.standingAnswers('beta'), { alpha: 'accepted', gamma: 'rejected', delta: 'accepted' });
    },
  },
  {
    name: 'offers against a standing answer',
    image: { members: [] },
    // An offer that begins before the response to the standing answer may have either status.
    toleratesCheckThenWrite: true,
    requests: (api, id) => [
      () => api.setStandingAnswer('beta', 'alpha', 'accepted'),
      () => api.offer(id, 'beta'),
      async () => {
        assertAnswered(await api.setStandingAnswer('gamma', 'alpha', 'rejected'), 200);
        const offered = assertAnswered(await api.offer(id, 'gamma'), 200);
        assert.equal(offered.body.status, 'rejected');
        return offered;
      },
      async () => {
        assertAnswered(await api.setStandingAnswer('delta', 'alpha', 'accepted'), 200);
        assertAnswered(await api.removeStandingAnswer('delta', 'alpha'), 204);
        const offered = assertAnswered(await api.offer(id, 'delta'), 200);
        assert.equal(offered.body.status, 'pending');
        return offered;
      },
    ],
    judge: async (statuses, api, id) => {
      assertOneOf(statuses, [200, 200, 200, 200]);
      const { beta, ...others } = await api.members(id);
      assert(beta === 'pending' || beta === 'accepted', beta);
      assert.deepEqual(others, { gamma: 'rejected', delta: 'pending' });
      assertAnswered(await api.withdraw(id, 'beta'), 204);
      assert.equal(assertAnswered(await api.offer(id, 'beta'), 200).body.status, 'accepted');
    },
  },
];

let world: World;
beforeAll(async () => {
  world = await startWorld(quota);
});
afterAll(() => world.close());

test.each(races)(
  '$name',
  async (race) => {
    for (let round = 1; round <= roundsPerRace; round += 1) {
      const random = randomFrom(race.name, round);
      const turns = async (): Promise<undefined> => {
        for (let remaining = Math.floor(random() * 6); remaining > 0; remaining -= 1) await setImmediate();
        return undefined;
      };
      try {
        await run(race, random, turns);
      } catch (error) {
        throw new Error(`Round ${round}: ${(error as Error).message}`, { cause: error });
      }
    }
    process.stderr.write(`${roundsPerRace} rounds of ${race.name}\n`);
  },
  120_000,
);

test.each(races.filter(({ toleratesCheckThenWrite }) => toleratesCheckThenWrite !== true))(
  'a check that is not part of the write is detected: $name',
  async (race) => {
    let detectedIn: number | undefined;
    for (let round = 1; round <= maxRoundsToDetectFault && detectedIn === undefined; round += 1) {
      const random = randomFrom(race.name, round);
      const slowWrite = Math.floor(random() * pauseMilliseconds.slowAmong);
      let writes = 0;
      const pause = () =>
        setTimeout(writes++ === slowWrite ? pauseMilliseconds.slow : random() * pauseMilliseconds.usual);
      await run(race, random, checkThenWrite(world.table, pause)).catch(() => (detectedIn = round));
    }

    process.stderr.write(`detected in round ${detectedIn}: ${race.name}\n`);
    expect(detectedIn).toBeDefined();
  },
  120_000,
);

/** Runs one round of a race with an interceptor of its calls. @throws Error if the result is wrong */
async function run(race: Race, random: () => number, interceptor: Interceptor): Promise<void> {
  await world.reset();
  const api = imageApi(world);
  const { id } = await seedImage(world.table, { owner: 'alpha', ...race.image });

  const statuses = await startInterleaved(race.requests(api, id), random, interceptor);

  // Before any other request: the items must be consistent without another request.
  assert.deepEqual(brokenInvariants(await storedItems(world.table), { quota }), []);
  await race.judge(statuses, api, id);
  assert.deepEqual(brokenInvariants(await storedItems(world.table), { quota }), []);
}

/**
 * Starts each request after a random number of calls of the other requests, or when no request is running. So each request
 * starts before, between and after all steps of the others.
 */
async function startInterleaved(
  requests: readonly (() => Promise<TestResponse>)[],
  random: () => number,
  interceptor: Interceptor,
): Promise<readonly number[]> {
  const most = maxCallsBefore[Math.floor(random() * maxCallsBefore.length)]!;
  let waiting = shuffled(requests.keys(), random).map((n) => ({
    n,
    start: requests[n]!,
    callsBefore: Math.floor(random() * (most + 1)),
  }));
  const answers = new Map<number, TestResponse>();
  const finished = Promise.withResolvers<undefined>();
  let calls = 0;
  let running = 0;

  const startDue = (): void => {
    const next = Math.min(...waiting.map(({ callsBefore }) => callsBefore));
    const due = waiting.filter(({ callsBefore }) => callsBefore <= calls || (running === 0 && callsBefore === next));
    waiting = waiting.filter((each) => !due.includes(each));
    for (const { start, n } of due) {
      running += 1;
      start().then((answer) => {
        answers.set(n, answer);
        running -= 1;
        if (answers.size === requests.length) finished.resolve(undefined);
        else startDue();
      }, finished.reject);
    }
  };
  world.proxy.intercept((call) => {
    calls += 1;
    startDue();
    return interceptor(call);
  });

  startDue();
  await finished.promise;
  world.proxy.intercept(undefined);
  return requests.map((_, n) => answers.get(n)!.status);
}

const shuffled = (numbers: Iterable<number>, random: () => number): readonly number[] =>
  [...numbers]
    .map((n) => ({ n, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ n }) => n);

/** Returns a generator of numbers from 0 to 1 that are the same in every run (mulberry32). */
function randomFrom(name: string, round: number): () => number {
  return randomNumbers(Buffer.from(name).reduce((sum, byte) => Math.imul(sum, 31) + byte, round));
}
