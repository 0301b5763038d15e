import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { brokenRules } from './workflow-rules.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, '.github', 'workflows');

/** The permissions to write, by workflow and job. `id-token` allows a job to assume a role in an account. */
const writes: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'check.yml': {},
  'diff.yml': { diff: ['id-token'], comment: ['pull-requests'] },
  'deploy.yml': { dev: ['id-token'], preview: ['id-token'], production: ['id-token'] },
};

test('the workflows are those with listed permissions', () => {
  expect(readdirSync(folder).toSorted()).toEqual(Object.keys(writes).toSorted());
});

test.each(Object.entries(writes))('%s keeps every rule', (file, jobs) => {
  expect(brokenRules(readFileSync(join(folder, file), 'utf8'), jobs)).toEqual([]);
});

test.each(Object.keys(writes))('every npm script that %s runs exists', (file) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const text = readFileSync(join(folder, file), 'utf8');
  const run = [...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, script = '']) => script);

  expect(run.filter((script) => !(script in scripts))).toEqual([]);
});

test('a planted workflow breaks every rule', () => {
  const unsafe = readFileSync(join(import.meta.dirname, 'unsafe.yml'), 'utf8');

  expect(brokenRules(unsafe)).toEqual([
    'The trigger "pull_request_target" is unsafe.',
    '"permissions" of the workflow must be {}.',
    'Job "greet": the permission to write "contents" is not listed.',
    'Job "greet": "actions/checkout@v7" is not pinned.',
    'Job "greet": "actions/setup-node@820762786026740c76f36085b0efc47a31fe5020" is not pinned.',
    'Job "greet": a script contains an expression; pass its value in "env".',
    'Job "greet": the checkout must have "persist-credentials: false".',
    'Job "greet": "timeout-minutes" is missing.',
    'Job "careless": "permissions" must be a list of its own.',
    'Job "careless": "timeout-minutes" is missing.',
  ]);
});
