import { runIdentityChecks } from './identity-checks.ts';

// `npm run test:identity`: a genuine Keystone, the local server that believes its tokens, and the openstack command line.

const longest = setTimeout(() => {
  console.error('Not done after 10 minutes, so it ends.');
  process.exit(1);
}, 600_000);

// So that what was started here ends with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const { passed, failed } = await runIdentityChecks();
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  clearTimeout(longest);
}
