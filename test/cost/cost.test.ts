import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { captureOperations } from '../scale/workload.ts';
import { createTestTable, testStack, type TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';
import { startService } from '../support/service.ts';
import { storedItems } from '../support/stored-items.ts';
import { teamSizes } from './assumptions.ts';
import {
  bytesOfRecords,
  checked,
  priceOf,
  prices,
  sumOf,
  usageOfImageData,
  usageOfMonth,
  usageOfOperations,
  type OperationUsage,
  type RecordBytes,
} from './cost.ts';
import { replaceTables, reportTables, toMarkdown } from './report.ts';

const document = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cost.md'), 'utf8');

let table: TestTable;
let proxy: EngineProxy;
let operations: readonly OperationUsage[];
let records: RecordBytes;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  const service = await startService(proxy.endpoint, table.tableName);
  const { captured } = await captureOperations({
    stack: testStack(),
    table,
    proxy,
    send: async ({ method, path, project, body }) => {
      const response = await service.request(method, path, { as: `${project}:member`, body });
      expect(response.status).toBeLessThan(300);
      return response.body;
    },
  });
  operations = usageOfOperations(testStack(), captured);
  records = bytesOfRecords(testStack(), await storedItems(table));
});
afterAll(async () => {
  await proxy.stop();
  await table.drop();
});

test('the tables of docs/cost.md are those that "npm run cost" writes', () => {
  expect(replaceTables(document, reportTables(testStack(), operations, records))).toBe(document);
});

test('a million answers cost the units that the engine counts, at the prices of the file', () => {
  const answer = operations.find(({ title }) => title === 'answer offer')!;
  const price = (name: keyof typeof prices) => prices[name]['us-east-1'].amount;

  expect(answer).toMatchObject({ readUnits: 0, writeUnits: 3, notifications: 1, historyItems: 2 });
  // The request of one round trip, and the publication of four: 512 MB each, 1 % of both with a cold start of 0.5 s.
  const seconds = (10 + 10 + 5 + (10 + 40 + 5)) / 1000;
  const body = answer.responseBytes;
  expect(priceOf(answer.usage, 'us-east-1')).toBeCloseTo(
    price('requests') +
      (3 + 2) * price('writeUnits') +
      2 * price('readUnits') +
      2 * price('invocations') +
      seconds * 0.5 * price('functionSeconds') +
      price('events') +
      3.5 * (price('logs') + price('logStorage')) +
      ((body + 700) / 1000) * price('transfer'),
    6,
  );
});

test('the requests of a month are the workload of the projects in their busy hours', () => {
  const [small, medium] = teamSizes.map((size) => usageOfMonth(testStack(), operations, records, size));

  const perHour = operations.reduce((sum, each) => sum + each.perHour, 0);
  expect(small!.requests).toBe(perHour * 10 * 160);
  expect(medium!.requests).toBe(20 * small!.requests);
  expect(small!.groups['API Gateway']['requests']).toBeCloseTo(small!.requests / 1e6, 9);
  expect(small!.groups.tracing['traces']).toBeCloseTo(small!.requests / 1e6, 9); // less than one in a second
});

test('a gigabyte of image data costs 20 seconds of the worker, its parts, its storage and its transfer', () => {
  const usage = usageOfImageData(testStack());

  expect(usage['an import']).toEqual({ invocations: 1e-6, functionSeconds: 20e-6, imageWrites: 122e-6 });
  expect(priceOf(usage['a download to the internet']!, 'us-east-1')).toBeCloseTo(0.09, 4);
  expect(priceOf(usage['a month of storage']!, 'us-east-1')).toBe(0.023);
});

test('every price is part of a cost', () => {
  const used = teamSizes.flatMap((size) => {
    const { groups } = usageOfMonth(testStack(), operations, records, size);
    return Object.entries(sumOf(Object.values(groups).map((usage) => [usage, 1])));
  });

  used.push(...Object.values(usageOfImageData(testStack())).flatMap((usage) => Object.entries(usage)));

  const billed = used.filter(([, amount]) => amount > 0).map(([name]) => name);
  expect([...new Set(billed)].toSorted()).toEqual(Object.keys(prices).toSorted());
});

test.each(Object.entries(prices))('the price of %s has an amount, a page and a date', (_name, price) => {
  for (const { amount, published } of [price['us-east-1'], price['eu-central-1']]) {
    expect(amount).toBeGreaterThan(0);
    if (published !== null) {
      expect(published).toMatch(/^20\d\d(-\d\d(-\d\d)?)?$/);
      expect(published < checked).toBe(true);
    }
  }
  expect(price.source).not.toBe('');
});

describe('a table', () => {
  const rows = [
    ['name', 'amount'],
    ['a', '1'],
    ['longer', '$20.00'],
  ];

  test('is aligned as Prettier does it, numbers to the right', () => {
    expect(toMarkdown(rows)).toBe('| name   | amount |\n| ------ | -----: |\n| a      |      1 |\n| longer | $20.00 |');
  });

  test('replaces the text between its markers, which must exist once', () => {
    const before = 'Text.\n\n<!-- cost: rows -->\n\nold\n\n<!-- end of cost -->\n\nMore.\n';

    expect(replaceTables(before, { rows })).toBe(before.replace('old', toMarkdown(rows)));
    expect(() => replaceTables('Text.\n', { rows })).toThrow('must have one pair of markers for "rows"');
    expect(() => replaceTables(before + before, { rows })).toThrow('must have one pair of markers for "rows"');
  });
});
