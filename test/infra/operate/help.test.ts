import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const operate = join(import.meta.dirname, '..', '..', '..', 'infra', 'operate');

test.each([
  ['dead-letters', 'Usage: npm run dead-letters -- [--stack <name>] [redrive all | redrive <id>…]\n'],
  ['send-command', 'Usage: npm run send-command -- <command> <field>=<value>… | '],
  ['watch-events', 'Usage: npm run watch-events '],
])('%s --help prints the usage', (program, usage) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(operate, `${program}.ts`), '--help'], {
    encoding: 'utf8',
  });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.startsWith(usage)).toBe(true);
});
