/**
 * Program that synthesizes the stack in its local form; `synthesize.ts` runs it. It is a process of its own, because the
 * CDK and esbuild keep 480 MB of memory.
 *
 * Arguments: the folder of the cloud assembly; the settings of `synthesize` as JSON.
 */
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../cdk-context.ts';
import { ImageSharingStack } from '../../image-sharing-stack.ts';
import type { TemplateSettings } from './synthesize.ts';

const [outdir = '', settings = '{}'] = process.argv.slice(2);
const { corsOrigins, hasConsole } = JSON.parse(settings) as TemplateSettings;
const app = new App({ context: cdkContext, outdir, analyticsReporting: false, treeMetadata: false });
new ImageSharingStack(app, 'ImageSharing', {
  production: false,
  identity: { kind: 'dev' },
  local: true,
  corsOrigins: [...corsOrigins],
  ...(!hasConsole && { console: false }),
});
app.synth();
