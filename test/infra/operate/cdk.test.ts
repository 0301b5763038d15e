import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { describeStage } from '../../../infra/settings/describe-stage.ts';
import { runCommand } from '../../support/run-command.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'infra', 'operate', 'cdk.ts');
const folder = mkdtempSync(join(tmpdir(), 'image-sharing-cdk-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
/** The environment of a user without any AWS configuration. */
const withoutAws = { PATH: process.env['PATH'], HOME: folder, AWS_EC2_METADATA_DISABLED: 'true' };

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { ...withoutAws, ...env },
  });
  return { status, stdout, stderr };
};

test.each([
  ['no stage', ['synth'], '"--stage" is required: "dev" or "prod", or another with "--settings".\n'],
  [
    'an unknown stage',
    ['deploy', '--stage', 'porduction'],
    '"--stage" must be "dev" or "prod", or another stage with "--settings <file.json>"; got "porduction".\n',
  ],
  [
    'a missing file',
    ['synth', '--stage', 'dev', '--settings', 'nowhere.json'],
    '"--settings" must be a readable file; reading nowhere.json failed with ENOENT.\n',
  ],
  ['no region', ['deploy', '--stage', 'dev'], 'The region of the stack is missing: set AWS_REGION.\n'],
])('%s gives one sentence', (_what, args, sentence) => {
  expect(run(args)).toEqual({ status: 1, stdout: '', stderr: sentence });
});

test('missing credentials give one sentence', () => {
  const { status, stderr } = run(['deploy', '--stage', 'dev'], { AWS_REGION: 'eu-central-1' });

  expect(status).toBe(1);
  expect(stderr).toMatch(/^AWS credentials are missing \(.*\): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and .*\.\n$/);
});

test('a misspelt option gives one sentence with a suggestion, and the usage', () => {
  const { status, stderr } = run(['synth', '--stge', 'dev']);

  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^"--stge" is not an option of this command; did you mean --stage\?\n\nUsage: npm run synth -- /,
  );
});

test('a deployment to another account than that of the settings is refused', async () => {
  const sts = createServer((_request, response) => {
    response.setHeader('content-type', 'text/xml');
    response.end(
      '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>999999999999</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
    );
  }).listen(0, '127.0.0.1');
  await once(sts, 'listening');
  const settings = join(folder, 'account.json');
  writeFileSync(settings, JSON.stringify({ account: '111122223333', region: 'eu-central-1' }));

  const args = [program, 'deploy', '--stage', 'dev', '--settings', settings];
  const { code, stderr } = await runCommand(process.execPath, args, {
    timeoutSeconds: 50,
    env: {
      ...withoutAws,
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
    },
  });
  sts.close();

  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `The credentials belong to the account 999999999999, but "account" in infra/stages/dev.ts and ${settings} is 111122223333; select other credentials, for example with AWS_PROFILE.\n`,
  });
});

test('the summary before a deployment has the target and every setting', () => {
  const summary = describeStage(
    {
      stage: 'prod',
      stackName: 'ImageSharing',
      source: 'infra/stages/prod.ts',
      settings: {
        production: true,
        identity: { kind: 'jwt', issuer: 'https://login.example.org', audience: 'images' },
      },
    },
    { account: '111122223333', region: 'eu-central-1' },
  );

  expect(summary.split('\n')).toEqual([
    'Settings of infra/stages/prod.ts:',
    '  stage              prod (production: data is retained)',
    '  stack              ImageSharing',
    '  account            111122223333',
    '  region             eu-central-1',
    '  production         true',
    '  identity.kind      jwt',
    '  identity.issuer    https://login.example.org',
    '  identity.audience  images',
  ]);
});

test('the summary says that a stage without an identity refuses every token', () => {
  const stage = { stage: 'dev', stackName: 'Dev', source: 'dev.ts', settings: { production: false } };

  expect(describeStage(stage, { account: '1', region: 'r' })).toMatch(/\n {2}identity +none: every token is refused$/);
});
