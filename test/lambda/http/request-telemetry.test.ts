import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestTable, type TestTable } from '../../support/engine.ts';
import { startEngineProxy, type EngineCall, type EngineProxy } from '../../support/engine-proxy.ts';
import { seedImage, type SeededMember } from '../../support/seed.ts';
import { startService, type RequestOptions, type Service } from '../../support/service.ts';

let table: TestTable;
let proxy: EngineProxy;
let service: Service;

beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  service = await startService(proxy.endpoint, table.tableName);
});

afterAll(async () => {
  await proxy.stop();
  await table.drop();
});

type Line = Readonly<Record<string, any>>;

/** Sends a request and returns its log lines and the calls of the service to the engine. */
async function linesOf(method: string, path: string, options: RequestOptions) {
  const before = service.logged.length;
  const { calls } = await proxy.record(() => service.request(method, path, options));
  return { lines: service.logged.slice(before).map((line): Line => JSON.parse(line)), calls };
}

const beta: SeededMember = { project: 'beta', status: 'pending' };
const path = async (members: readonly SeededMember[] = [beta]) =>
  `/v2/images/${(await seedImage(table, { owner: 'alpha', members })).id}`;

/** Returns the units that the engine reports, by the kind of the call. */
function unitsAtTheEngine(calls: readonly EngineCall[]) {
  const sum = (isWrite: boolean): number =>
    calls
      .filter(({ action }) => ['UpdateItem', 'TransactWriteItems'].includes(action) === isWrite)
      .flatMap(({ response }): { CapacityUnits: number }[] => [response['ConsumedCapacity'] ?? []].flat())
      .reduce((total, { CapacityUnits: units }) => total + units, 0);
  return { ReadUnits: sum(false), WriteUnits: sum(true) };
}

describe('the units in the log line are those that the engine reports', () => {
  test.each<[string, () => Promise<[string, string, RequestOptions]>, number, number]>([
    [
      'PUT of another status',
      async () => ['PUT', `${await path()}/members/beta`, { as: 'beta:member', body: { status: 'accepted' } }],
      0,
      3,
    ],
    [
      'POST of a member',
      async () => ['POST', `${await path([])}/members`, { as: 'alpha:member', body: { member: 'beta' } }],
      4, // with the standing answers of the member
      8,
    ],
    ['GET of an image', async () => ['GET', await path(), { as: 'beta:member' }], 2, 0],
    ['POST of an image', () => Promise.resolve(['POST', '/v2/images', { as: 'alpha:member', body: {} }]), 0, 6],
    ['GET of the members', async () => ['GET', `${await path()}/members`, { as: 'alpha:member' }], 2, 0],
    ['a refused GET', () => Promise.resolve(['GET', `/v2/images/${randomUUID()}`, { as: 'beta:member' }]), 2, 0],
    ['GET of the versions', () => Promise.resolve(['GET', '/versions', {}]), 0, 0],
  ])('%s', async (_title, request, read, write) => {
    const { lines, calls } = await linesOf(...(await request()));

    expect(lines).toEqual([expect.objectContaining({ ReadUnits: read, WriteUnits: write })]);
    expect(unitsAtTheEngine(calls)).toEqual({ ReadUnits: read, WriteUnits: write });
  });

  test('concurrent requests count their own units only', async () => {
    const members = [beta, { project: 'gamma', status: 'pending' }] as const;
    const image = await path(members);
    const before = service.logged.length;

    await Promise.all([
      service.request('PUT', `${image}/members/beta`, { as: 'beta:member', body: { status: 'accepted' } }),
      service.request('PUT', `${image}/members/gamma`, { as: 'gamma:member', body: { status: 'accepted' } }),
      service.request('GET', image, { as: 'alpha:member' }),
    ]);

    const units = service.logged.slice(before).map((line) => {
      const { operation, ReadUnits, WriteUnits } = JSON.parse(line);
      return [operation, ReadUnits, WriteUnits];
    });
    expect(units.sort()).toEqual([
      ['answerOffer', 0, 3],
      ['answerOffer', 0, 3],
      ['showImage', 2, 0],
    ]);
  });

  test('long ids of projects, users and requests cost an answer no further unit', async () => {
    const project = 'p'.repeat(64);
    const image = await path([{ project, status: 'pending' }]);

    const { lines } = await linesOf('PUT', `${image}/members/${project}`, {
      body: { status: 'accepted' },
      headers: { 'x-auth-token': `dev:${'u'.repeat(64)}:${project}:member`, 'x-openstack-request-id': 'r'.repeat(64) },
    });

    expect(lines).toEqual([expect.objectContaining({ status: 200, ReadUnits: 0, WriteUnits: 3 })]);
  });
});

/** The only permitted sets of dimensions. */
const dimensionSets = [
  ['stack', 'operation'],
  ['stack', 'operation', 'outcome'],
];

describe('the metrics of a log line follow the embedded metric format', () => {
  test.each<[string, () => Promise<[string, string, RequestOptions]>, string, boolean]>([
    ['a success', async () => ['GET', await path(), { as: 'alpha:member' }], 'success', true],
    ['a refusal', async () => ['DELETE', `${await path()}/members/beta`, { as: 'beta:member' }], 'refused', true],
    ['a failure', async () => ['GET', await path(), { as: 'alpha:member' }], 'failed', false],
  ])('%s', async (_title, request, outcome, hasEngine) => {
    const prepared = await request();
    proxy.intercept(() =>
      hasEngine ? undefined : { status: 400, response: { __type: 'AccessDeniedException', message: 'no' } },
    );

    const { lines } = await linesOf(...prepared);

    proxy.intercept(undefined);
    expect(lines).toHaveLength(outcome === 'failed' ? 2 : 1);
    for (const line of lines) {
      const { Timestamp: timestamp, CloudWatchMetrics: directives } = line['_aws'];
      const published = directives.flatMap(({ Dimensions: sets, Metrics: metrics }: Line) =>
        sets.flatMap((set: string[]) => metrics.map(({ Name: name }: Line) => `${name} by ${set.join()}`)),
      );
      expect(line).toMatchObject({ stack: 'Test', outcome });
      expect(Number.isInteger(timestamp)).toBe(true);
      expect(new Set(published).size).toBe(published.length);
      for (const { Namespace: namespace, Dimensions: sets, Metrics: metrics } of directives) {
        expect(namespace).toBe('ImageSharing');
        for (const set of sets) {
          expect(dimensionSets).toContainEqual(set);
          for (const dimension of set) expect(line[dimension]).toEqual(expect.stringMatching(/^[\w-]+$/));
        }
        for (const { Name: name, Unit: unit } of metrics) {
          expect(typeof line[name]).toBe('number');
          expect(['Count', 'Milliseconds']).toContain(unit);
        }
      }
    }
  });

  test('only the first request of a function instance is a cold start', async () => {
    const { lines } = await linesOf('GET', '/v2/images', { as: 'alpha:member' });

    expect(lines).toEqual([expect.objectContaining({ coldStart: false })]);
    expect(lines[0]).not.toHaveProperty('ColdStarts');
  });
});

test('no line contains a token, a header, a query or a body', async () => {
  const secret = 'do-not-log-this';
  const image = await path();
  const before = service.logged.length;

  await service.request('GET', `/v2/images?name=${secret}`, { as: 'alpha:member', headers: { cookie: secret } });
  await service.request('PUT', `${image}/members/beta`, { as: 'beta:member', body: { status: secret } });
  await service.request('GET', image, { headers: { 'x-auth-token': secret, 'x-amzn-trace-id': `Root=${secret}` } });

  const lines = service.logged.slice(before);
  expect(lines).toHaveLength(3);
  expect(lines.filter((line) => line.includes(secret) || line.includes('dev:'))).toEqual([]);
});
