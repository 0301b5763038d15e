import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EventStore, type QueueSettings } from '../../../../infra/local/events/event-store.ts';
import { UsageError } from '../../../../infra/usage-error.ts';

const queue: QueueSettings = {
  name: 'orders',
  delaySeconds: 0,
  visibilityTimeoutSeconds: 60,
  deadLetters: 'dead',
  maxReceiveCount: 2,
  isCommandQueue: true,
};
const dead: QueueSettings = {
  name: 'dead',
  delaySeconds: 0,
  visibilityTimeoutSeconds: 30,
  deadLetters: undefined,
  maxReceiveCount: undefined,
  isCommandQueue: false,
};
const late: QueueSettings = { ...queue, name: 'late', delaySeconds: 30, isCommandQueue: false };

let folder: string;
let store: EventStore;
const open = (): EventStore => new EventStore(join(folder, 'events.sqlite'));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'event-store-'));
  store = open();
  store.configureQueues([queue, dead, late]);
});

afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

const bodies = (messages: readonly { readonly body: string }[]) => messages.map(({ body }) => body);

describe('a message', () => {
  test('is received once per visibility timeout, with body and attributes', () => {
    const id = store.send('orders', 'one', { why: 'because' }, 1000);

    const first = store.pollQueue('orders', 10, 1000);
    const hidden = store.pollQueue('orders', 10, 60_999);
    const again = store.pollQueue('orders', 10, 61_000);

    const message = { id, queue: 'orders', body: 'one', attributes: { why: 'because' }, sentAt: 1000 };
    expect(first).toEqual([{ ...message, receiveCount: 1 }]);
    expect(hidden).toEqual([]);
    expect(again).toEqual([{ ...message, receiveCount: 2 }]);
  });

  test('that is deleted is not received again', () => {
    store.delete(store.send('orders', 'one', {}, 0));

    expect(store.pollQueue('orders', 10, 1e9)).toEqual([]);
  });

  test('of a queue with a delay is received after the delay', () => {
    store.send('late', 'one', {}, 0);

    expect(store.pollQueue('late', 10, 29_999)).toEqual([]);
    expect(bodies(store.pollQueue('late', 10, 30_000))).toEqual(['one']);
  });

  test('that was received too often moves to the dead-letter queue, and its receive count starts again after a redrive', () => {
    const id = store.send('orders', 'one', {}, 0);
    for (const now of [0, 60_000, 120_000]) store.pollQueue('orders', 10, now);

    const deadLetters = store.messages('dead');
    store.move(id, 'orders', 130_000);

    expect(bodies(deadLetters)).toEqual(['one']);
    expect(store.messages('dead')).toEqual([]);
    expect(store.pollQueue('orders', 10, 130_000)).toMatchObject([{ body: 'one', receiveCount: 1 }]);
  });

  test('of an ended process is visible immediately to the next process; a delayed message stays delayed', () => {
    store.send('orders', 'one', {}, 0);
    store.send('late', 'two', {}, 0);
    store.pollQueue('orders', 10, 0);

    const next = open();
    next.configureQueues([queue, dead, late], 10);

    expect(bodies(next.pollQueue('orders', 10, 10))).toEqual(['one']);
    expect(bodies(next.pollQueue('late', 10, 10))).toEqual([]);
    next.close();
  });
});

describe('a bus', () => {
  const event = { bus: 'bus', source: 'test', type: 'made', detail: '{"n":1}' };

  test('stores events in order and sends them to the queues of its rules', () => {
    store.publish([
      { ...event, queues: ['orders'] },
      { ...event, detail: '{"n":2}', queues: [] },
    ]);

    expect(store.eventsAfter(0)).toEqual([
      { ...event, position: 1 },
      { ...event, position: 2, detail: '{"n":2}' },
    ]);
    expect(store.eventsAfter(1)).toHaveLength(1);
    expect(store.lastPosition()).toBe(2);
    expect(bodies(store.messages('orders'))).toEqual(['{"n":1}']);
  });

  test('stores no event of a call if one of them cannot be stored', () => {
    const invalid = { ...event, detail: undefined as never, queues: ['orders'] };

    expect(() => store.publish([{ ...event, queues: ['orders'] }, invalid])).toThrow();

    expect(store.eventsAfter(0)).toEqual([]);
    expect(store.messages('orders')).toEqual([]);
  });
});

test('changes of a returned method survive a kill of the process immediately after it', () => {
  const program = `
    import { EventStore } from ${JSON.stringify(import.meta.resolve('../../../../infra/local/events/event-store.ts'))};
    const store = new EventStore(process.argv[1]);
    store.send('orders', 'one');
    store.publish([{ bus: 'bus', source: 'test', type: 'made', detail: '{"n":1}', queues: [] }]);
    store.savePosition('stream', '42');
    process.kill(process.pid, 'SIGKILL');
  `;
  const file = join(folder, 'events.sqlite');

  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program, file]);

  expect(signal).toBe('SIGKILL');
  const next = open();
  expect(bodies(next.messages('orders'))).toEqual(['one']);
  expect(next.lastPosition()).toBe(1);
  expect(next.positionIn('stream')).toBe('42');
  next.close();
});

test('another process reads the position in a stream', () => {
  store.savePosition('stream', '41');
  store.savePosition('stream', '42');

  const next = open();

  expect(next.positionIn('stream')).toBe('42');
  expect(next.positionIn('another')).toBeUndefined();
  next.close();
});

describe('a file that cannot be used', () => {
  const event = { bus: 'bus', source: 'images', type: 'image.update', detail: 'x'.repeat(2000) };
  const written = (): string => {
    const file = join(folder, 'written.sqlite');
    const filled = new EventStore(file);
    for (let count = 0; count < 50; count += 1) filled.publish([{ ...event, queues: [] }]);
    filled.close();
    return file;
  };

  test.each<[string, (file: string) => void]>([
    ['is no database', (file) => writeFileSync(file, 'no database '.repeat(1000))],
    ['was truncated', (file) => truncateSync(file, readFileSync(file).length / 2)],
    ['has overwritten pages', (file) => writeFileSync(file, readFileSync(file).fill(7, 3 * 4096, 9 * 4096))],
    [
      'is a folder',
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  ])('because it %s is an error with its path and a remedy', (_what, damage) => {
    const file = written();
    damage(file);

    const opening = () => new EventStore(file);

    expect(opening).toThrow(UsageError);
    expect(opening).toThrow(
      new RegExp(`^The file ${file} cannot be used \\(.+\\): remove it, .*, or set DATA_DIR to another folder\\.$`),
    );
  });
});
