import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EventStore } from '../../../infra/local/events/event-store.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'infra', 'operate', 'dead-letters.ts');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-dead-letters-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Redrives a number of dead letters of the local server. The store refuses to move the message `refused`. */
function redriveAll(count: number, refused?: number) {
  const file = join(folder, 'events.sqlite');
  const store = new EventStore(file);
  const settings = { delaySeconds: 0, visibilityTimeoutSeconds: 30, isCommandQueue: false };
  store.configureQueues([
    { ...settings, name: 'orders', deadLetters: 'dead', maxReceiveCount: 2 },
    { ...settings, name: 'dead', deadLetters: undefined, maxReceiveCount: undefined },
  ]);
  for (let n = 1; n <= count; n += 1) store.send('dead', `message ${n}`, {}, n);
  store.close();
  if (refused !== undefined) {
    const database = new DatabaseSync(file);
    database.exec(
      `CREATE TRIGGER refuse BEFORE UPDATE ON messages WHEN OLD.body = 'message ${refused}' BEGIN SELECT RAISE(ABORT, 'refused'); END`,
    );
    database.close();
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'redrive', 'all'], {
    encoding: 'utf8',
    env: { ...process.env, DATA_DIR: folder },
  });
  return { status, stderr, lines: stdout.trimEnd().split('\n') };
}

test('a redrive prints its progress after each hundred, and its result', () => {
  const { status, stderr, lines } = redriveAll(215);

  expect({ status, stderr, lines }).toEqual({
    status: 0,
    stderr: '',
    lines: ['100 of 215 …', '200 of 215 …', '215 redriven.'],
  });
});

test('a redrive that fails after the first hundred has printed its progress', () => {
  const { status, lines } = redriveAll(110, 105);

  expect({ status, lines }).toEqual({ status: 1, lines: ['100 of 110 …', '109 redriven.'] });
});
