import { parseArguments } from '../../infra/parse-arguments.ts';
import { runCommand } from '../../infra/usage-error.ts';
import { runIdentityChecks } from './identity-checks.ts';

// `npm run test:identity`: tests the local server and the openstack command line with a real Keystone.

const usage = `Usage: npm run test:identity

Tests the local server and the openstack command line with a real Keystone. Requires Python 3.11.`;

const timeout = setTimeout(() => {
  console.error('Not done after 10 minutes.');
  process.exit(1);
}, 600_000);

// The exit of this process stops its programs.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

await runCommand(usage, async (args) => {
  parseArguments(args, {});
  const { passed, failed } = await runIdentityChecks();
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
});
clearTimeout(timeout);
