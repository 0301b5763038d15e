/**
 * Proves that a request acts at most once: each write of each operation meets each kind of fault, while a competing request
 * acts in between. The response and the stored items must be the result of one of the sequential orders of both, or of the
 * competitor alone if the response reports an unknown outcome.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ImageId } from '../../lambda/domain/ids.ts';
import { connectTable } from '../../lambda/dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../../lambda/dynamodb/dynamodb-image-repository.ts';
import { command, openCommandWorld, type CommandWorld, type Message } from '../lambda/events/command-world.ts';
import { active } from '../lambda/domain/an-image.ts';
import type { Afterwards, Interceptor, Interference } from '../support/engine-proxy.ts';
import { seedImage, type Seed } from '../support/seed.ts';
import { itemsOfImage, type StoredItem } from '../support/stored-items.ts';
import { imageApi, owner, type ImageApi } from './image-api.ts';
import { brokenInvariants } from './invariants.ts';
import { isWrite } from './world.ts';

let world: CommandWorld;
let api: ImageApi;
let images: DynamoDbImageRepository;
/** Expires the SDK's timeout of the latest response without a wait. */
let expireTimeout: () => void = () => undefined;

const responseTimeoutMilliseconds = 5000;

beforeAll(async () => {
  const { setTimeout: start } = globalThis;
  jest.spyOn(globalThis, 'setTimeout').mockImplementation((callback: () => void, milliseconds?: number) => {
    if (milliseconds === responseTimeoutMilliseconds) expireTimeout = callback;
    return start(callback, milliseconds);
  });
  world = await openCommandWorld();
  world.proxy.closeConnections();
  api = imageApi(world.service);
  images = new DynamoDbImageRepository(connectTable(world.table.tableName), () => new Date());
});
afterAll(() => world.close());

/** The status, code and body (without ids and times) of a response, or the outcome of a command. */
interface Outcome {
  readonly code: string;
  readonly body?: unknown;
}

/** Sends a request for an image and returns its outcome. */
type Act = (imageId: string) => Promise<Outcome>;

const normal = (value: unknown, id: string): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null)
      .replaceAll(id, 'ID')
      // The ids of requests and imports.
      .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:]{8}Z/g, 'TIME'),
  );

const overHttp =
  (request: (id: string) => ReturnType<ImageApi['show']>): Act =>
  async (id) => {
    const { status, headers, body } = await request(id);
    const code = [status, body?.error, headers['retry-after']].filter((part) => part !== undefined).join(' ');
    return { code, ...(status < 300 && { body: normal(body, id) }) };
  };

const unknownOutcome = '503 outcome-unknown 1';
const isSuccess = ({ code }: Outcome): boolean => code.startsWith('20') || code === 'done';

/** Delivers a command until it is not redelivered. A fault affects its first delivery. */
const by =
  (message: (id: string) => Message): Act =>
  async (id) => {
    let again: readonly Message[] = [message(id)];
    for (let delivery = 0; again.length > 0; delivery += 1) {
      assert.ok(delivery < 3, 'The command comes again and again.');
      again = await world.deliver(...again);
    }
    const [refused] = world.deadLetters.splice(0);
    return { code: refused === undefined ? 'done' : `refused ${refused.attributes!['error']}` };
  };

const image = (id: string): string => `/v2/images/${id}`;
const tag = (method: string, name: string): Act =>
  overHttp((id) => api.request(method, `${image(id)}/tags/${name}`, { as: owner }));
const patch = (properties: Readonly<Record<string, unknown>>): Act => overHttp((id) => api.patch(id, properties));
const answer = (status: 'accepted' | 'rejected', project = 'beta'): Act =>
  overHttp((id) => api.answer(id, project, status));
const offer = (project: string): Act => overHttp((id) => api.offer(id, project));
const changeExpiry = (end: string | null): Act => overHttp((id) => api.changeExpiry(id, 'beta', end));
const withdraw = (project: string): Act => overHttp((id) => api.withdraw(id, project));
const create = overHttp((id) => api.request('POST', '/v2/images', { as: owner, body: { id, name: 'A' } }));
const remove = overHttp((id) => api.remove(id));
const withdrawAndOffer =
  (project: string): Act =>
  async (id) => {
    await withdraw(project)(id);
    return offer(project)(id);
  };
const sent = (verb: string, project: string, member_id: string, more: object = {}): Act => {
  const ids = new Map<string, string>();
  return by((image_id) => {
    const id = ids.get(image_id) ?? randomUUID();
    ids.set(image_id, id);
    return command({ id, command: verb, project, image_id, member_id, ...more });
  });
};

interface Operation {
  readonly name: string;
  readonly act: Act;
  readonly seed?: Partial<Seed>;
  /** Requests that change what the operation changes, and could be undone by it if it acted again. */
  readonly competitors: Readonly<Record<string, Act>>;
  /** Its first write is applied only once: its record is in the same transaction, or it ends what has ended. */
  readonly survivesDoubleWrite?: true;
  /** Its first write prepares the write that acts. */
  readonly preparesFirst?: true;
}

const nobody = { members: [] };
const ended: Partial<Seed> = { members: [{ project: 'beta', status: 'accepted', expiresAt: '2026-06-01T00:00:00Z' }] };
const rename = { 'PATCH of the name': patch({ name: 'B' }) };
const publish = { 'PATCH of the visibility': patch({ visibility: 'community' }), ...rename };

const operations: readonly Operation[] = [
  {
    name: 'PUT of a status',
    act: answer('accepted'),
    competitors: {
      'PUT of another status': answer('rejected'),
      'DELETE and POST of the member': withdrawAndOffer('beta'),
      'DELETE of the member': withdraw('beta'),
      'a command with another status': sent('answer-offer', 'beta', 'beta', { status: 'rejected' }),
      'PATCH of the visibility': patch({ visibility: 'private' }),
    },
  },
  {
    name: 'POST of a member',
    act: offer('gamma'),
    competitors: { 'DELETE of the member': withdraw('gamma'), 'POST of the member': offer('gamma') },
  },
  {
    name: 'DELETE of a member',
    act: withdraw('beta'),
    competitors: { 'POST of the member': offer('beta'), 'DELETE of the member': withdraw('beta') },
  },
  {
    name: 'DELETE of a membership',
    act: overHttp((id) => api.leave(id, 'beta')),
    competitors: { 'POST of the member': offer('beta'), 'DELETE of the member': withdraw('beta') },
  },
  {
    name: 'PUT of an end',
    act: changeExpiry('2999-01-01T00:00:00Z'),
    competitors: {
      'PUT of another end': changeExpiry(null),
      'PUT of a status': answer('accepted'),
      'DELETE and POST of the member': withdrawAndOffer('beta'),
    },
  },
  {
    name: 'POST of a member whose membership has passed its end',
    act: offer('beta'),
    seed: ended,
    survivesDoubleWrite: true,
    preparesFirst: true,
    competitors: { 'POST of the member': offer('beta'), 'DELETE of the member': withdraw('beta') },
  },
  {
    name: 'POST of an image',
    act: create,
    seed: { count: 0 },
    competitors: { 'DELETE of the image': remove, ...rename },
  },
  { name: 'PATCH of the name', act: patch({ name: 'A' }), competitors: rename },
  { name: 'PUT of a tag', act: tag('PUT', 'new'), competitors: { 'DELETE of the tag': tag('DELETE', 'new') } },
  {
    name: 'DELETE of a tag',
    act: tag('DELETE', 'old'),
    seed: { tags: ['old'] },
    competitors: { 'PUT of the tag': tag('PUT', 'old') },
  },
  {
    name: 'PATCH of the visibility, without members',
    act: patch({ visibility: 'private' }),
    seed: nobody,
    competitors: publish,
  },
  {
    name: 'PATCH of the visibility',
    act: patch({ visibility: 'private' }),
    competitors: { ...publish, 'PUT of a status': answer('rejected') },
  },
  {
    name: 'an import',
    act: overHttp((id) => api.import(id)),
    seed: { attributes: { diskFormat: 'raw', containerFormat: 'bare' } },
    competitors: rename,
  },
  {
    name: 'a deactivation',
    act: overHttp((id) => api.act(id, 'deactivate')),
    seed: { attributes: active() },
    competitors: { ...rename, 'the reactivation': overHttp((id) => api.act(id, 'reactivate')) },
  },
  { name: 'DELETE of an image, without members', act: remove, seed: nobody, competitors: rename },
  { name: 'DELETE of an image', act: remove, competitors: { ...rename, 'PUT of a status': answer('rejected') } },
  {
    name: 'a command that answers',
    act: sent('answer-offer', 'beta', 'beta', { status: 'accepted' }),
    survivesDoubleWrite: true,
    competitors: {
      'PUT of another status': answer('rejected'),
      'DELETE and POST of the member': withdrawAndOffer('beta'),
    },
  },
  {
    name: 'a command that offers',
    act: sent('offer-image', 'alpha', 'gamma'),
    survivesDoubleWrite: true,
    competitors: { 'DELETE of the member': withdraw('gamma') },
  },
  {
    name: 'a command that offers after the end of a membership',
    act: sent('offer-image', 'alpha', 'beta'),
    seed: ended,
    survivesDoubleWrite: true,
    preparesFirst: true,
    competitors: { 'DELETE of the member': withdraw('beta'), 'POST of the member': offer('beta') },
  },
  {
    name: 'a command that withdraws',
    act: sent('withdraw-offer', 'alpha', 'beta'),
    survivesDoubleWrite: true,
    competitors: { 'POST of the member': offer('beta') },
  },
];

async function arrange({ seed }: Operation): Promise<string> {
  if (seed?.count === 0) return randomUUID();
  const members = [{ project: 'beta', status: 'pending' as const }];
  return (await seedImage(world.table, { owner: 'alpha', members, ...seed })).id;
}

/** The items of an image, without ids and times but with how often each was changed, after any pending change. */
async function stateOf(id: string): Promise<unknown> {
  const { image: left } = await images.findOffers(id as ImageId, 1000);
  if (left?.pendingChange !== undefined) await images.completePendingChange(left);
  const items = await itemsOfImage(world.table, id);
  assert.deepEqual(brokenInvariants(items), []);
  const counted = ({ sequence, membership_id, expires_at, write_id: _, ...item }: StoredItem): StoredItem => ({
    ...item,
    ...(item['expiry_shard'] === undefined ? {} : { expiry_shard: 'some' }),
    ...(sequence === undefined ? {} : { changes: sequence % 1000 }),
    ...(membership_id === undefined ? {} : { membership_id: 'some' }),
    ...(expires_at === undefined ? {} : { expires_at: 'some' }),
  });
  return normal(items.map(counted), id);
}

interface Course {
  readonly outcome: Outcome;
  readonly state: unknown;
}

/** What an operation comes to where it is alone, or a competitor acts before it or after it. */
async function courseOf(operation: Operation, before?: Act, after?: Act): Promise<Course> {
  const id = await arrange(operation);
  await before?.(id);
  const outcome = await operation.act(id);
  await after?.(id);
  return { outcome, state: await stateOf(id) };
}

/** Whether the engine has applied a call that met a fault: before the response was lost, when all was over, or never. */
type Application = 'applied' | 'late' | 'never';

interface Fault {
  readonly application: Application;
  /** The service can know that the call was not applied, and repeats it. */
  readonly isKnown?: true;
  /** What happens to a call, with the competitor in between. */
  readonly strike: (compete: () => Promise<unknown>, finished: Promise<unknown>) => ReturnType<Interceptor>;
}

type StruckCall = Promise<Interference | undefined>;

const internalError = { status: 500, response: { __type: 'InternalServerError' } } as const;
const afterwards = (next: () => Promise<Afterwards>): Interference => ({ afterwards: next });

const faults: Readonly<Record<string, Fault>> = {
  'the response is lost': {
    application: 'applied',
    strike: (compete) =>
      afterwards(async () => {
        await compete();
        return 'lose the response';
      }),
  },
  'the request is lost': {
    application: 'never',
    strike: async (compete): StruckCall => {
      await compete();
      return 'lose the request';
    },
  },
  'the engine fails after the write': {
    application: 'applied',
    strike: (compete) =>
      afterwards(async () => {
        await compete();
        return internalError;
      }),
  },
  'the engine fails before the write': {
    application: 'never',
    strike: async (compete): StruckCall => {
      await compete();
      return internalError;
    },
  },
  'the response takes too long': {
    application: 'applied',
    strike: (compete) => {
      const expire = expireTimeout;
      return afterwards(async () => {
        await compete();
        expire();
        return 'lose the response';
      });
    },
  },
  'the request takes too long, and is lost': {
    application: 'never',
    strike: async (compete): StruckCall => {
      const expire = expireTimeout;
      await compete();
      expire();
      return 'lose the request';
    },
  },
  'the request takes too long, and arrives at last': {
    application: 'late',
    strike: async (compete, finished): StruckCall => {
      const expire = expireTimeout;
      await compete();
      expire();
      await finished;
      return undefined;
    },
  },
  'the engine throttles': {
    application: 'never',
    isKnown: true,
    strike: async (compete): StruckCall => {
      await compete();
      return { status: 400, response: { __type: 'ProvisionedThroughputExceededException' } };
    },
  },
};

/** A write that is made twice whatever comes between: the fault that this suite is there to notice. */
const doubleWrite: Fault = {
  application: 'applied',
  strike: (compete) =>
    afterwards(async () => {
      await compete();
      return 'send again';
    }),
};

/** The possible courses of an operation and a competitor. */
interface Possible {
  readonly before: Course;
  readonly after: Course;
  readonly competitorAlone: unknown;
}

async function possibleCourses(operation: Operation, competitor: Act): Promise<Possible> {
  const id = await arrange(operation);
  await competitor(id);
  return {
    before: await courseOf(operation, undefined, competitor),
    after: await courseOf(operation, competitor),
    competitorAlone: await stateOf(id),
  };
}

/** Runs an operation whose write of this number meets a fault. */
async function struckCourse(operation: Operation, competitor: Act, write: number, fault: Fault): Promise<Course> {
  const id = await arrange(operation);
  const finished = Promise.withResolvers<undefined>();
  let writes = 0;
  let struck: unknown;
  world.proxy.intercept((call) => {
    writes += isWrite(call) ? 1 : 0;
    if (!isWrite(call) || writes !== write) return undefined;
    world.proxy.intercept(undefined);
    struck = call.request;
    return fault.strike(() => competitor(id), finished.promise);
  });
  const { result: outcome } = await world.proxy.record(() => operation.act(id));
  world.proxy.intercept(undefined);
  assert.ok(struck, `The operation has made ${writes} writes.`);
  finished.resolve(undefined);
  while (fault.application === 'late' && !world.proxy.calls.some(({ request }) => request === struck)) await pause(5);
  return { outcome, state: await stateOf(id) };
}

/** Runs an operation that finds no connection for this call, the first being 0, and for some time after. */
async function refusedCourse(operation: Operation, competitor: Act, call: number): Promise<Course> {
  const id = await arrange(operation);
  const competeAndRefuse = async (): Promise<Afterwards> => {
    world.proxy.intercept(undefined);
    await competitor(id);
    world.proxy.refuseConnections(30);
    return 'go on';
  };
  let calls = 0;
  if (call === 0) await competeAndRefuse();
  else {
    world.proxy.intercept(() => {
      calls += 1;
      return calls === call ? { afterwards: competeAndRefuse } : undefined;
    });
  }
  const outcome = await operation.act(id);
  assert.equal(calls, call);
  return { outcome, state: await stateOf(id) };
}

/** Which of two requests acts first, as far as the fault that one of them meets decides it. */
type Order = 'operation first' | 'competitor first' | 'either first';

/**
 * Fails unless a course could have been: the operation and its competitor have acted one after the other, or the operation
 * has not acted and says that its outcome is unknown.
 *
 * @param mayBeUnknown - the service cannot know if the write that met the fault was applied
 */
function assertPossible({ outcome, state }: Course, possible: Possible, order: Order, mayBeUnknown: boolean): void {
  const { before, after, competitorAlone } = possible;
  const isUnknown = outcome.code === unknownOutcome && mayBeUnknown;
  const is = (course: Course): boolean =>
    isDeepStrictEqual(state, course.state) && (isUnknown || isDeepStrictEqual(outcome, course.outcome));
  const isPossible =
    (order !== 'competitor first' && is(before)) ||
    (order !== 'operation first' && is(after)) ||
    (order === 'competitor first' && isUnknown && isDeepStrictEqual(state, competitorAlone));
  if (!isPossible) assert.deepEqual({ outcome, state }, order === 'competitor first' ? after : before);
}

describe.each(operations)('$name', (operation) => {
  /** The places of the operation's writes among its calls. */
  let writes: readonly number[];
  const possible = new Map<string, Possible>();
  /** A fan-out has begun with its first write; a command has acted with it and records with the second how. */
  const orderOf = (write: number, application: Application): Order => {
    const isApplied = write > 0 || application === 'applied';
    const actsLater = operation.survivesDoubleWrite !== true || operation.preparesFirst === true;
    const isInSteps = writes.length > 1 && actsLater;
    return !isApplied ? 'competitor first' : isInSteps ? 'either first' : 'operation first';
  };
  beforeAll(async () => {
    const id = await arrange(operation);
    const { calls } = await world.proxy.record(() => operation.act(id));
    writes = [...calls.keys()].filter((n) => isWrite(calls[n]!));
    for (const [name, competitor] of Object.entries(operation.competitors)) {
      possible.set(name, await possibleCourses(operation, competitor));
    }
  });

  test('succeeds alone, and before its competitors', () => {
    expect(writes.length).toBeGreaterThan(0);
    expect([...possible.values()].filter(({ before }) => !isSuccess(before.outcome))).toEqual([]);
  });

  describe.each(Object.entries(operation.competitors))('and %s', (name, competitor) => {
    test.each(Object.entries(faults))('at each write %s', async (_fault, fault) => {
      for (const n of writes.keys()) {
        const course = await struckCourse(operation, competitor, n + 1, fault);

        assertPossible(course, possible.get(name)!, orderOf(n, fault.application), fault.isKnown !== true);
      }
    });

    test('at each write connections are refused', async () => {
      for (const [n, call] of writes.entries()) {
        const course = await refusedCourse(operation, competitor, call);

        assertPossible(course, possible.get(name)!, orderOf(n, 'never'), false);
      }
    });
  });

  const harm = operation.survivesDoubleWrite === true ? 'does no harm' : 'is noticed';
  test(`a planted double write ${harm}`, async () => {
    const noticedBeside: string[] = [];
    for (const [name, competitor] of Object.entries(operation.competitors)) {
      const course = await struckCourse(operation, competitor, 1, doubleWrite);
      try {
        assertPossible(course, possible.get(name)!, orderOf(0, 'applied'), true);
      } catch {
        noticedBeside.push(name);
      }
    }

    expect(noticedBeside.length > 0).toBe(operation.survivesDoubleWrite !== true);
  });
});

test('a response that stalls after its first bytes does not hold up a request', async () => {
  const id = await arrange(operations[0]!);
  world.proxy.intercept((call) => {
    if (!isWrite(call)) return undefined;
    world.proxy.intercept(undefined);
    return afterwards(() => Promise.resolve('stall'));
  });

  const outcome = await operations[0]!.act(id);

  expect(outcome).toMatchObject({ code: '200', body: { status: 'accepted' } });
});
