import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Image } from '../../lambda/domain/image.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy, type Interference } from '../support/engine-proxy.ts';
import { seedImage, type Seed } from '../support/seed.ts';
import { startService, type TestResponse, type RequestOptions, type Service } from '../support/service.ts';
import { itemsOfImage, type StoredItem } from '../support/stored-items.ts';

let table: TestTable;
let proxy: EngineProxy;
let service: Service;
/** How much later it is than the clock says, in milliseconds. */
let passed = 0;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  service = await startService(proxy.endpoint, table.tableName);
  // Chance and time as they may be, so that no test has to wait for them.
  jest.spyOn(Math, 'random').mockReturnValue(0);
  const { now } = Date;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + passed);
});
afterEach(() => {
  proxy.intercept(undefined);
});
afterAll(async () => {
  await proxy.stop();
  await table.drop();
});

const v21 = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
const patch = (...body: readonly object[]) => ({ as: 'alpha:member', body, headers: v21 });

type Request = readonly [method: string, path: string, options: RequestOptions];

/** An operation that succeeds on an image of alpha's, which beta has not answered yet unless it says otherwise. */
interface Operation {
  readonly request: (path: string) => Request;
  readonly image?: Partial<Seed>;
  readonly isList?: boolean;
}

const operations: Readonly<Record<string, Operation>> = {
  'PUT of a status': {
    request: (path) => ['PUT', `${path}/members/beta`, { as: 'beta:member', body: { status: 'accepted' } }],
  },
  'POST of a member': {
    request: (path) => ['POST', `${path}/members`, { as: 'alpha:member', body: { member: 'gamma' } }],
  },
  'DELETE of a member': { request: (path) => ['DELETE', `${path}/members/beta`, { as: 'alpha:member' }] },
  'GET of a member': { request: (path) => ['GET', `${path}/members/beta`, { as: 'alpha:member' }] },
  'the list of members': { request: (path) => ['GET', `${path}/members`, { as: 'alpha:member' }] },
  'GET of an image': { request: (path) => ['GET', path, { as: 'beta:member' }] },
  'the list of images': {
    request: () => ['GET', '/v2/images?member_status=all&limit=100', { as: 'reader:member' }],
    image: { members: [{ project: 'reader', status: 'pending' }] },
    isList: true,
  },
  'POST of an image': {
    request: (path) => ['POST', '/v2/images', { as: 'alpha:member', body: { id: path.split('/').at(-1) } }],
    image: { count: 0 },
  },
  'PATCH of a name': { request: (path) => ['PATCH', path, patch({ op: 'replace', path: '/name', value: 'new' })] },
  'PATCH that removes a property': {
    request: (path) => ['PATCH', path, patch({ op: 'remove', path: '/colour' })],
    image: { properties: { colour: 'red' } },
  },
  'PUT of a tag': { request: (path) => ['PUT', `${path}/tags/new`, { as: 'alpha:member' }] },
  'DELETE of a tag': {
    request: (path) => ['DELETE', `${path}/tags/old`, { as: 'alpha:member' }],
    image: { tags: ['old'] },
  },
  'PATCH of the visibility, without members': {
    request: (path) => ['PATCH', path, patch({ op: 'replace', path: '/visibility', value: 'private' })],
    image: { members: [] },
  },
  'PATCH of the visibility': {
    request: (path) => ['PATCH', path, patch({ op: 'replace', path: '/visibility', value: 'private' })],
  },
  'PATCH back to shared': {
    request: (path) => ['PATCH', path, patch({ op: 'replace', path: '/visibility', value: 'shared' })],
    image: { visibility: 'private' },
  },
  'DELETE of an image, without members': {
    request: (path) => ['DELETE', path, { as: 'alpha:member' }],
    image: { members: [] },
  },
  'PUT of an end': {
    request: (path) => [
      'PUT',
      `${path.replace('/v2/', '/sharing/v1/')}/members/beta/expiry`,
      { as: 'alpha:member', body: { expires_at: '2999-01-01T00:00:00Z' } },
    ],
  },
  'DELETE of a membership': {
    request: (path) => ['DELETE', path.replace('/v2/images', '/sharing/v1/memberships'), { as: 'beta:member' }],
  },
  'POST of a member whose membership has passed its end': {
    request: (path) => ['POST', `${path}/members`, { as: 'alpha:member', body: { member: 'beta' } }],
    image: { members: [{ project: 'beta', status: 'accepted', expiresAt: '2026-06-01T00:00:00Z' }] },
  },
  'PUT of a standing answer': {
    // Of a project of its own, so that every request is about the first one.
    request: (path) => [
      'PUT',
      '/sharing/v1/standing-answers/alpha',
      { as: `${path.split('/').at(-1)}:member`, body: { status: 'accepted' } },
    ],
  },
  'DELETE of an image': { request: (path) => ['DELETE', path, { as: 'alpha:member' }] },
};

const engineError = (name: string, status = 400, more: object = {}): Interference => ({
  status,
  response: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: name, ...more },
});
const cancelled = (...codes: string[]): Interference =>
  engineError('TransactionCanceledException', 400, { CancellationReasons: codes.map((Code) => ({ Code })) });

/** What may come in the way of any call. */
const faults: Readonly<Record<string, Interference>> = {
  'a connection lost before the engine got it': 'lose the request',
  'a connection lost with the answer': 'lose the response',
  throttling: engineError('ThrottlingException'),
  'throughput exceeded': engineError('ProvisionedThroughputExceededException'),
  'too many requests': engineError('RequestLimitExceeded'),
  "the engine's failure": engineError('InternalServerError', 500),
  "the engine's absence": engineError('ServiceUnavailable', 503),
  'a failure without words': { status: 500, response: {} },
  "somebody else's page with 503": { status: 503, response: '<html>Service Unavailable</html>' },
};
const conflict = { 'a conflict with a transaction': engineError('TransactionConflictException') };
const cancellations: Readonly<Record<string, Interference>> = {
  'a transaction cancelled by a conflict': cancelled('TransactionConflict', 'None', 'None'),
  'a transaction cancelled by a conflict at its end': cancelled('None', 'None', 'TransactionConflict'),
  'a transaction cancelled by throttling': cancelled('None', 'ThrottlingError', 'None'),
  'a transaction cancelled by throughput': cancelled('ProvisionedThroughputExceeded', 'None', 'None'),
  'the same transaction under way': engineError('TransactionInProgressException'),
};

/** Whether a fault leaves open if a call was applied, which this one was not. */
const isLoss = (fault: Interference): boolean =>
  fault === 'lose the request' || (typeof fault === 'object' && 'status' in fault && fault.status >= 500);

/** An image for an operation, and the path of it. */
async function arrange({ image }: Operation): Promise<{ readonly id: string; readonly path: string }> {
  const members = [{ project: 'beta', status: 'pending' as const }];
  const id = image?.count === 0 ? randomUUID() : (await seedImage(table, { owner: 'alpha', members, ...image })).id;
  return { id, path: `/v2/images/${id}` };
}

/** What was answered and what is stored, without ids and times; how often things changed is left in. */
async function outcomeOf(answer: TestResponse, id: Image['id'] | string) {
  const { 'x-openstack-request-id': _requestId, ...headers } = answer.headers;
  const normal = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value ?? null)
        .replaceAll(id, 'ID')
        // Also the id of an earlier request, if this one completed its change.
        .replaceAll(/req-[0-9a-f-]{36}/g, 'REQUEST')
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:]{8}Z/g, 'TIME'),
    );
  const countsOf = ({ sequence, membership_id, expires_at, write_id: _, ...item }: StoredItem): StoredItem => ({
    ...item,
    ...(item['expiry_shard'] === undefined ? {} : { expiry_shard: 'some' }),
    ...(sequence === undefined ? {} : { changes: sequence % 1000 }),
    ...(membership_id === undefined ? {} : { membership_id: 'some' }),
    ...(expires_at === undefined ? {} : { expires_at: 'some' }),
  });
  return {
    status: answer.status,
    // An entity tag depends on ids and times.
    headers: normal({ ...headers, ...('etag' in headers && { etag: 'some' }) }),
    // A list shows the images of other tests too.
    body:
      answer.body?.images === undefined
        ? normal(answer.body)
        : answer.body.images.map((each: Image) => each.id).includes(id),
    items: normal((await itemsOfImage(table, id)).map(countsOf)),
  };
}

/** What an operation comes to, and which actions it takes, where nothing is in its way. */
async function undisturbed(operation: Operation) {
  const { id, path } = await arrange(operation);
  const { result, calls } = await proxy.record(() => service.request(...operation.request(path)));
  // What a list reads side by side may go on for a moment after one of its reads has failed: such calls are not counted.
  const own = calls.filter(({ request }) => operation.isList === true || JSON.stringify(request).includes(id));
  return { outcome: await outcomeOf(result, id), actions: own.map(({ action }) => action) };
}

describe.each(Object.entries(operations))('%s', (_title, operation) => {
  let expected: Awaited<ReturnType<typeof undisturbed>>;
  beforeAll(async () => {
    expected = await undisturbed(operation);
  });

  test('succeeds', () => {
    expect(expected.outcome.status).toBeLessThan(300);
  });

  /** Lets each call of the operation in turn meet a fault, twice, and compares what the operation comes to. */
  const strikeEach = async (fault: Interference, applies: (action: string) => boolean = () => true): Promise<void> => {
    for (const struck of expected.actions.keys()) {
      if (!applies(expected.actions[struck]!)) continue;
      const { id, path } = await arrange(operation);
      const before = await itemsOfImage(table, id);
      let call = 0;
      proxy.intercept(() => {
        call += 1;
        return call === struck + 1 || call === struck + 2 ? fault : undefined;
      });

      const answer = await service.request(...operation.request(path));

      proxy.intercept(undefined);
      expect(call).toBeGreaterThan(struck + 1);
      if (expected.actions[struck] === 'UpdateItem' && isLoss(fault)) {
        expect([struck, ...codeOf(answer)]).toEqual([struck, 503, 'outcome-unknown', '1']);
        expect(await itemsOfImage(table, id)).toEqual(before);
      } else {
        expect({ struck, ...(await outcomeOf(answer, id)) }).toEqual({ struck, ...expected.outcome });
      }
    }
  };

  test.each(Object.entries(faults).slice(0, 3))(
    'comes to the same in spite of %s, at any call, unless an update may have been applied',
    async (_fault, fault) => {
      await strikeEach(fault);
    },
  );
});

const codeOf = ({ status, body, headers }: TestResponse) => [status, body.error, headers['retry-after']];

describe('one call after another meets every fault', () => {
  test.each(
    ['PUT of a status', 'POST of a member', 'DELETE of a member', 'the list of members'].flatMap((name) =>
      Object.entries({ ...faults, ...conflict, ...cancellations })
        .filter(([, fault]) => {
          const transaction = name === 'POST of a member' || name === 'DELETE of a member';
          return transaction || !Object.values(cancellations).includes(fault);
        })
        .map(([title, fault]): [string, string, Interference] => [name, title, fault]),
    ),
  )('%s comes to the same in spite of %s, unless an update may have been applied', async (name, _title, fault) => {
    const operation = operations[name]!;
    const expected = await undisturbed(operation);
    const { id, path } = await arrange(operation);
    const before = await itemsOfImage(table, id);
    const struck = new Set<string>();
    proxy.intercept(({ action }) => {
      const isTransaction = action === 'TransactWriteItems';
      if (struck.has(action) || (Object.values(cancellations).includes(fault) && !isTransaction)) return undefined;
      struck.add(action);
      return fault;
    });

    const answer = await service.request(...operation.request(path));

    expect(struck.size).toBeGreaterThan(0);
    if (struck.has('UpdateItem') && isLoss(fault)) {
      expect(codeOf(answer)).toEqual([503, 'outcome-unknown', '1']);
      expect(await itemsOfImage(table, id)).toEqual(before);
    } else {
      expect(await outcomeOf(answer, id)).toEqual(expected.outcome);
    }
  });
});

describe('keys that a read did not get to', () => {
  test.each([
    ['GET of a member', 0],
    ['GET of a member', 1],
    ['the list of members', 0],
    ['POST of a member', 2],
  ])('are read again: %s, only %i at a time at first', async (name, processed) => {
    const operation = operations[name]!;
    const expected = await undisturbed(operation);
    const { id, path } = await arrange(operation);
    let cut = 0;
    proxy.intercept(({ action, request }) => {
      const { Keys: keys = [], ...rest } = request['RequestItems']?.[table.tableName] ?? {};
      if (action !== 'BatchGetItem' || keys.length <= processed || cut === 3) return undefined;
      cut += 1;
      const unprocessed = { [table.tableName]: { ...rest, Keys: keys.slice(processed) } };
      if (processed === 0) return { status: 200, response: { Responses: {}, UnprocessedKeys: unprocessed } };
      const fewer = { [table.tableName]: { ...rest, Keys: keys.slice(0, processed) } };
      return {
        request: { ...request, RequestItems: fewer },
        amend: (response) => ({ ...response, UnprocessedKeys: unprocessed }),
      };
    });

    const answer = await service.request(...operation.request(path));

    expect(cut).toBeGreaterThan(0);
    expect(await outcomeOf(answer, id)).toEqual(expected.outcome);
  });
});

describe('where it does not end', () => {
  /** Lets a second pass at each fault: little enough for the five calls that a list makes in parallel. */
  const strikeForEver = (fault: Interference, applies: (action: string) => boolean) => {
    const before = passed;
    let strikes = 0;
    proxy.intercept(({ action }) => {
      if (!applies(action)) return undefined;
      strikes += 1;
      passed += 1000;
      return fault;
    });
    return {
      end: () => {
        proxy.intercept(undefined);
        return { strikes, seconds: (passed - before) / 1000 };
      },
    };
  };

  const messages: Readonly<Record<string, string>> = {
    'try-again-later': 'Too many concurrent changes. Please try again.',
    'database-unavailable': 'The database is unreachable; nothing was changed. Please try again.',
    'outcome-unknown':
      'The outcome of the request is unknown: it is applied once or not at all. Read the image or member before you try again.',
  };
  const unavailable = (error: string, requestId: string) => ({
    message: messages[error],
    code: '503 Service Unavailable',
    title: 'Service Unavailable',
    error,
    request_id: requestId,
  });
  /** What a request without connections says: whether its first call writes makes the difference. */
  const withoutConnections = (actions: readonly string[]): string =>
    actions[0] === 'UpdateItem' || actions[0] === 'TransactWriteItems' ? 'outcome-unknown' : 'database-unavailable';

  test.each(
    Object.keys(operations).flatMap(
      (name) =>
        [
          [name, 'throttling', faults['throttling']!],
          [name, 'lost connections', faults['a connection lost before the engine got it']!],
        ] as [string, string, Interference][],
    ),
  )('%s says what is known after endless %s', async (name, title, fault) => {
    const operation = operations[name]!;
    const { actions } = await undisturbed(operation);
    const { id, path } = await arrange(operation);
    const before = await itemsOfImage(table, id);
    const time = strikeForEver(fault, () => true);

    const answer = await service.request(...operation.request(path));

    const { strikes, seconds } = time.end();
    const requestId = answer.headers['x-openstack-request-id']!;
    expect(answer).toEqual({
      status: 503,
      headers: expect.objectContaining({
        'content-type': 'application/json',
        'retry-after': '1',
        'x-openstack-request-id': requestId,
      }),
      body: unavailable(title === 'throttling' ? 'try-again-later' : withoutConnections(actions), requestId),
    });
    expect(strikes).toBeGreaterThan(1);
    expect(seconds).toBeLessThan(30);
    expect(await itemsOfImage(table, id)).toEqual(before);
  });

  test.each([
    ['PUT of a status', 'UpdateItem', conflict['a conflict with a transaction']],
    ['POST of a member', 'TransactWriteItems', cancellations['a transaction cancelled by a conflict']!],
    ['DELETE of a member', 'TransactWriteItems', cancellations['a transaction cancelled by a conflict']!],
    ['PATCH of a name', 'UpdateItem', conflict['a conflict with a transaction']],
    ['PATCH of the visibility', 'TransactWriteItems', cancellations['a transaction cancelled by a conflict']!],
    ['DELETE of an image', 'TransactWriteItems', cancellations['a transaction cancelled by a conflict']!],
    ['the list of members', 'Query', faults['throttling']!],
    ['the list of images', 'BatchGetItem', faults['throttling']!],
  ])('%s says to try again later where %s meets endless conflicts', async (name, struckAction, fault) => {
    const operation = operations[name]!;
    const { path } = await arrange(operation);
    const time = strikeForEver(fault, (action) => action === struckAction);

    const answer = await service.request(...operation.request(path));

    const { seconds } = time.end();
    expect([answer.status, answer.body.error, answer.headers['retry-after']]).toEqual([503, 'try-again-later', '1']);
    expect(seconds).toBeLessThan(30);
  });

  test.each(['PATCH of the visibility', 'PATCH back to shared', 'DELETE of an image'])(
    '%s that was cut off at any call is completed by the same request, sent again',
    async (name) => {
      const operation = operations[name]!;
      const expected = await undisturbed(operation);
      for (const cutAt of expected.actions.keys()) {
        const { id, path } = await arrange(operation);
        let call = 0;
        const time = strikeForEver('lose the request', () => {
          call += 1;
          return call > cutAt;
        });
        const cutOff = await service.request(...operation.request(path));
        time.end();

        const answer = await service.request(...operation.request(path));

        expect([cutAt, cutOff.status]).toEqual([cutAt, 503]);
        expect([cutAt, answer.status]).toEqual([cutAt, expected.outcome.status]);
        const { items } = await outcomeOf(answer, id);
        expect(withoutVersion(items)).toEqual(withoutVersion(expected.outcome.items));
      }
    },
  );

  test.each([
    ['PUT of a status', 'UpdateItem', engineError('ConditionalCheckFailedException')],
    ['POST of a member', 'TransactWriteItems', cancelled('ConditionalCheckFailed', 'None', 'None')],
    ['DELETE of a member', 'TransactWriteItems', cancelled('ConditionalCheckFailed', 'None', 'None')],
    ['PATCH of a name', 'UpdateItem', engineError('ConditionalCheckFailedException')],
    ['DELETE of an image, without members', 'TransactWriteItems', cancelled('ConditionalCheckFailed', 'None', 'None')],
  ])(
    '%s says to try again later where it is refused without end and no read says why',
    async (name, struckAction, fault) => {
      const operation = operations[name]!;
      const { id, path } = await arrange(operation);
      const before = await itemsOfImage(table, id);
      proxy.intercept(({ action }) => (action === struckAction ? fault : undefined));

      const { result: answer, calls } = await proxy.record(() => service.request(...operation.request(path)));

      expect([answer.status, answer.body.error, answer.headers['retry-after']]).toEqual([503, 'try-again-later', '1']);
      expect(calls.length).toBeLessThan(40);
      expect(await itemsOfImage(table, id)).toEqual(before);
    },
  );
});

test.each([
  ['PUT of a status', 'UpdateItem', engineError('ItemCollectionSizeLimitExceededException')],
  ['POST of a member', 'TransactWriteItems', cancelled('None', 'None', 'ItemCollectionSizeLimitExceeded')],
  ['POST of an image', 'TransactWriteItems', cancelled('None', 'ItemCollectionSizeLimitExceeded')],
  ['PATCH of the visibility, without members', 'TransactWriteItems', cancelled('ItemCollectionSizeLimitExceeded')],
])('%s is refused if the item collection of a project is full', async (name, limitedAction, fault) => {
  const operation = operations[name]!;
  const { id, path } = await arrange(operation);
  const before = await itemsOfImage(table, id);
  proxy.intercept(({ action }) => (action === limitedAction ? fault : undefined));

  const { result: response, calls } = await proxy.record(() => service.request(...operation.request(path)));

  expect([response.status, response.body.error]).toEqual([413, 'project-full']);
  expect(calls.filter(({ action }) => action === limitedAction)).toHaveLength(1);
  expect(await itemsOfImage(table, id)).toEqual(before);
});

/** A request that is sent again moves the record's version once more; nothing else may differ. */
const withoutVersion = (items: any): unknown => items.map(({ version: _, ...item }: StoredItem) => item);

test('a fault that repeating cannot mend is a 500 that says nothing of it, and is logged with its cause', async () => {
  const { path } = await arrange({ request: () => ['GET', '/', {}] });
  proxy.intercept(() => engineError('AccessDeniedException'));

  const { result: answer, calls } = await proxy.record(() => service.request('GET', path, { as: 'alpha:member' }));

  expect(calls).toHaveLength(1);
  expect([answer.status, answer.body.error]).toEqual([500, 'internal-error']);
  expect(JSON.stringify(answer)).not.toContain('AccessDenied');
  expect(JSON.parse(service.logged.at(-1)!)).toMatchObject({
    level: 'error',
    cause: { name: 'AccessDeniedException' },
  });
});
