import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestTable, testStack, type TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';
import { startService } from '../support/service.ts';
import { unitsOfDemand } from './demand.ts';
import { findSaturations, type Scenario } from './simulation.ts';
import { captureOperations, operations } from './workload.ts';

let table: TestTable;
let proxy: EngineProxy;
let capture: Awaited<ReturnType<typeof captureOperations>>;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  const service = await startService(proxy.endpoint, table.tableName);
  capture = await captureOperations({
    stack: testStack(),
    table,
    proxy,
    send: async ({ method, path, project, body }) => {
      const { status, body: answer } = await service.request(method, path, { as: `${project}:member`, body });
      expect(status).toBeLessThan(300);
      return answer;
    },
  });
});
afterAll(async () => {
  await proxy.stop();
  await table.drop();
});

const captured = (title: string) => capture.captured.find(({ operation }) => operation.title === title)!;

test('the model counts for every operation the units that the engine counts', () => {
  const units = capture.captured.map(({ operation, demand }) => [operation.title, unitsOfDemand(demand)]);

  expect(units).toEqual(capture.captured.map(({ operation, demand }) => [operation.title, demand.engineUnits]));
  expect(units.map(([title]) => title)).toEqual(operations.map(({ title }) => title));
});

test('an answer writes to the partition of its project alone, and causes one notification', () => {
  const { demand } = captured('answer offer');

  expect(demand.partitions).toEqual([{ index: undefined, key: 'PROJECT#the-caller', reads: 0, writes: 3 }]);
  expect(demand.notifications).toBe(1);
});

describe('a simulation', () => {
  const scenario: Scenario = {
    shares: { 'answer offer': 1 },
    population: { callers: 1, owners: 1, imagesPerOwner: 1 },
    partitioning: 'adapted',
    routeLimit: 100,
  };
  const find = (given: Scenario, count: number) =>
    findSaturations(capture.captured, capture.placeholders, given, count).map(({ label }) => label);
  const rateOf = (title: string, given: Partial<Scenario>): number =>
    findSaturations(capture.captured, capture.placeholders, { ...scenario, shares: { [title]: 1 }, ...given }, 1)[0]!
      .perSecond;

  test('finds the limits one behind the other', () => {
    expect(find(scenario, 2)).toEqual(['the gateway, one route', 'the busiest project, writes']);
  });

  test('finds the rate at which the writes of one partition are used up', () => {
    const rate = rateOf('answer offer', { routeLimit: 10_000 });

    expect(Math.abs(rate - 1000 / 3)).toBeLessThan(5);
  });

  test('finds that many projects do not help where all write to one partition of an index', () => {
    const rate = rateOf('create image', {
      routeLimit: 10_000,
      population: { callers: 1000, owners: 100_000, imagesPerOwner: 20 },
    });

    const [entry] = captured('create image').demand.partitions.filter(({ index }) => index !== undefined);
    expect(Math.abs(rate - 1000 / entry!.writes)).toBeLessThan(15);
  });
});
