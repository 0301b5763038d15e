/**
 * Program that synthesizes the stack in its local form; `synthesize.ts` runs it. It is a process of its own, because the
 * CDK and esbuild keep 480 MB of memory.
 *
 * Arguments: the folder of the cloud assembly; the origins of CORS as JSON.
 */
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../cdk-context.ts';
import { ImageSharingStack } from '../../image-sharing-stack.ts';

const [outdir = '', corsOrigins = '[]'] = process.argv.slice(2);
const app = new App({ context: cdkContext, outdir, analyticsReporting: false, treeMetadata: false });
new ImageSharingStack(app, 'ImageSharing', {
  production: false,
  identity: { kind: 'dev' },
  local: true,
  corsOrigins: JSON.parse(corsOrigins) as string[],
});
app.synth();
