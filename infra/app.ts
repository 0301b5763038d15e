/**
 * The CDK app: one stack with the settings of a stage. `npm run synth`, `diff`, `deploy` and `destroy` run it with
 * `--stage` and `--settings`.
 */
import { parseArgs } from 'node:util';
import { App } from 'aws-cdk-lib/core';
import { ImageSharingStack } from './image-sharing-stack.ts';
import { addSecurityChecks } from './security-checks.ts';
import { assertNoContextSettings } from './settings/context-settings.ts';
import { loadStage, stageOptions } from './settings/load-stage.ts';
import { UsageError } from './usage-error.ts';

const app = new App();
try {
  assertNoContextSettings(app.node.getAllContext() as Readonly<Record<string, unknown>>);
  const { stackName, settings } = await loadStage(parseArgs({ options: stageOptions }).values);
  const { account, region, identity = { kind: 'none' }, ...props } = settings;
  const env = { account, region };
  addSecurityChecks(new ImageSharingStack(app, 'ImageSharing', { ...props, stackName, identity, env }), settings);
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  // Exits immediately, because CDK would synthesize the incomplete app at the normal end of the process.
  process.exit(1);
}
