/**
 * `npm run test:workflows`: lints the GitHub Actions workflows with zizmor and, if Go is present, with actionlint. Each
 * linter must also find the faults of a planted unsafe workflow. Nothing is sent to GitHub.
 */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { runCommand as runCommandLine } from '../../infra/usage-error.ts';
import { Checks } from '../clients/checks.ts';
import { preparePythonEnvironment } from '../clients/python-environment.ts';
import { describeResult, runCommand } from '../support/run-command.ts';

const usage = `Usage: npm run test:workflows

Lints the GitHub Actions workflows with zizmor and, if Go is present, with actionlint. Requires Python 3.10.`;

const root = join(import.meta.dirname, '..', '..');
const workflows = globSync('.github/workflows/*.yml', { cwd: root }).toSorted();
const unsafe = join('test', 'workflows', 'unsafe.yml');
const actionlintVersion = 'v1.7.12';

/** Audits of zizmor that must find something in the planted workflow. */
const expectedAudits = [
  'artipacked',
  'dangerous-triggers',
  'excessive-permissions',
  'template-injection',
  'unpinned-uses',
];

const lint = (command: string, args: readonly string[]) =>
  runCommand(command, args, { cwd: root, timeoutSeconds: 120 });

async function checkWithZizmor(checks: Checks): Promise<void> {
  const commands = await preparePythonEnvironment({
    name: 'workflows',
    what: 'zizmor',
    requirements: join(import.meta.dirname, 'requirements.txt'),
  });
  const zizmor = (...args: readonly string[]) =>
    lint(join(commands, 'zizmor'), ['--offline', '--pedantic', '--no-progress', '--strict-collection', ...args]);

  await checks.check('zizmor finds nothing in the workflows', async () => {
    const result = await zizmor(...workflows);
    assert.equal(result.code, 0, describeResult(result));
  });
  await checks.check('zizmor finds the faults of the planted workflow', async () => {
    const result = await zizmor('--format', 'json', unsafe);
    const findings = JSON.parse(result.stdout) as readonly { readonly ident: string }[];
    const found = new Set(findings.map(({ ident }) => ident));
    assert.deepEqual(
      expectedAudits.filter((audit) => !found.has(audit)),
      [],
    );
  });
}

async function checkWithActionlint(checks: Checks): Promise<void> {
  const go = await runCommand('go', ['version'], { timeoutSeconds: 30 }).catch(() => undefined);
  if (go?.code !== 0) {
    console.log('Skipping actionlint: it requires Go 1.24 or later as "go" on the PATH.');
    return;
  }
  const folder = join(root, '.venv', 'actionlint', actionlintVersion);
  await mkdir(folder, { recursive: true });
  // Go keeps its result, so that a second run builds nothing.
  const installed = await runCommand(
    'go',
    ['install', `github.com/rhysd/actionlint/cmd/actionlint@${actionlintVersion}`],
    {
      env: { ...process.env, GOBIN: folder },
      timeoutSeconds: 300,
    },
  );
  if (installed.code !== 0) {
    checks.fail('actionlint can be installed', describeResult(installed));
    return;
  }
  const actionlint = join(folder, 'actionlint');

  await checks.check('actionlint finds nothing in the workflows', async () => {
    const result = await lint(actionlint, workflows);
    assert.equal(result.code, 0, describeResult(result));
  });
  await checks.check('actionlint finds the script injection of the planted workflow', async () => {
    const result = await lint(actionlint, [unsafe]);
    assert.equal(result.code, 1, describeResult(result));
    assert.match(result.stdout, /"github\.event\.pull_request\.title" is potentially untrusted/);
  });
}

await runCommandLine(usage, async (args) => {
  parseArguments(args, {});
  const checks = new Checks();
  await checkWithZizmor(checks);
  await checkWithActionlint(checks);
  console.log(`${checks.passed} passed, ${checks.failed} failed`);
  if (checks.failed > 0) process.exitCode = 1;
});
