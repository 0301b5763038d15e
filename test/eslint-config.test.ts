import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Linter } from 'eslint';

const root = join(import.meta.dirname, '..');
const { default: configs } = (await import(join(root, 'eslint.config.js'))) as { readonly default: Linter.Config[] };
/** The rules about imports and the environment, which need neither types nor the parser of TypeScript. */
const restrictions = configs.filter(({ rules }) =>
  Object.keys(rules ?? {}).some((rule) => rule.startsWith('no-restricted-')),
);
const problems = (filename: string, code: string): readonly string[] =>
  new Linter({ cwd: root })
    .verify(code, [{ files: ['**/*.ts'] }, ...restrictions], { filename })
    .map(({ message }) => message);

/** All that the files of a ring import of the rings and of what is shared. */
const imports: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  'use-cases': ['domain/image.ts'],
  dynamodb: ['domain/image.ts', 'runtime/deadline.ts'],
  identity: ['domain/caller.ts', 'runtime/deadline.ts'],
  http: [
    'domain/image.ts',
    'use-cases/images/show-image.ts',
    'identity/authenticate.ts',
    'runtime/deadline.ts',
    'runtime/log.ts',
  ],
  events: ['domain/image.ts', 'use-cases/members/answer-offer.ts', 'runtime/deadline.ts', 'runtime/log.ts'],
  messaging: ['domain/image.ts', 'events/publish-in-order.ts', 'runtime/deadline.ts'],
  'image-source': ['domain/image-data.ts'],
  s3: ['domain/image-data.ts'],
  console: [],
  runtime: [],
};
const targets = [
  ...Object.keys(imports).map((ring) => `${ring}/any.ts`),
  ...Object.values(imports).flat(),
  ...['functions/config.ts', 'functions/images.ts'],
];
const ringOf = (target: string) => (target.includes('/') ? target.split('/')[0] : target);

test.each(Object.keys(imports))('%s imports inward only', (ring) => {
  const allowed = new Set([ring, ...imports[ring]!.map(ringOf)]);

  for (const target of new Set(targets)) {
    const from = ringOf(target) === ring ? './any.ts' : `../${target}`;
    const found = problems(`lambda/${ring}/some.ts`, `import { x } from '${from}';`);
    expect({ from, isRefused: found.length > 0 }).toEqual({ from, isRefused: !allowed.has(ringOf(target)) });
  }
});

test('a folder within a folder of a ring imports what the ring does', () => {
  const isRefused = (from: string) =>
    problems('lambda/http/views/sharing/some.ts', `import { x } from '${from}';`).length > 0;

  expect(
    ['./any.ts', '../any.ts', '../../faults.ts', '../../../domain/image.ts', '@middy/core'].filter(isRefused),
  ).toEqual([]);
  expect(
    ['../../../dynamodb/keys.ts', '../../../functions/config.ts', '../../../../infra/app.ts'].map(isRefused),
  ).toEqual([true, true, true]);
});

test('a folder within a ring imports what the ring does', () => {
  const isRefused = (from: string) => problems('lambda/http/views/some.ts', `import { x } from '${from}';`).length > 0;

  expect(['./any.ts', '../faults.ts', '../../domain/image.ts', '@middy/core'].filter(isRefused)).toEqual([]);
  expect(['../../dynamodb/keys.ts', '../../functions/config.ts', '../../../infra/app.ts'].map(isRefused)).toEqual([
    ...[true, true, true],
  ]);
});

test.each([
  ['domain', '../domain/../dynamodb/keys.ts'],
  ['domain', './../functions/config.ts'],
  ['use-cases', '../../lambda/dynamodb/keys.ts'],
  ['domain', 'uuid'],
  ['domain', 'node:process'],
  ['domain', '@aws-sdk/client-dynamodb'],
  ['use-cases', '@middy/core'],
  ['dynamodb', '@middy/core'],
  ['identity', '@aws-sdk/client-dynamodb'],
  ['http', '@aws-sdk/client-dynamodb'],
  ['events', '@aws-sdk/client-sqs'],
  ['messaging', '../../infra/usage-error.ts'],
  ['http', '../../test/support/seed.ts'],
  ['image-source', '@aws-sdk/client-s3'],
  ['s3', 'ipaddr.js'],
  ['console', 'preact'],
])('%s does not import %s', (ring, from) => {
  expect(problems(`lambda/${ring}/some.ts`, `import { x } from '${from}';`)).not.toEqual([]);
});

test.each(['lambda/functions/images.ts', 'lambda/functions/config.ts'])(
  '%s imports nothing of infra/ or test/',
  (file) => {
    expect(problems(file, "import { x } from '../../infra/usage-error.ts';")).not.toEqual([]);
    expect(problems(file, "import { x } from '../../test/support/seed.ts';")).not.toEqual([]);
  },
);

test('no ring evades the rules by an import at run time', () => {
  for (const ring of Object.keys(imports)) {
    expect(problems(`lambda/${ring}/some.ts`, "await import('../functions/config.ts');")).not.toEqual([]);
  }
});

test('only entry points, the log and the test identity know the process', () => {
  const knows = (file: string) => problems(file, 'process.env;').length === 0;

  const allowed = ['functions/images.ts', 'functions/execute-commands.ts', 'runtime/log.ts', 'identity/dev.ts'];
  const others = ['functions/config.ts', 'runtime/deadline.ts', 'identity/settings.ts', 'http/log.ts', 'new.ts'];

  expect([...allowed, ...others].filter((file) => knows(`lambda/${file}`))).toEqual(allowed);
});
