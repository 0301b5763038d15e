import { App } from 'aws-cdk-lib/core';
import { Template } from 'aws-cdk-lib/assertions';
import { cdkContext } from '../../infra/cdk-context.ts';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';
import type { Template as ResourceTemplate } from '../../infra/operate/stateful-changes.ts';

/** Synthesizes the template of the production stage, with each setting that adds a stateful resource. */
export function productionTemplate(): ResourceTemplate {
  const stack = new ImageSharingStack(new App({ context: cdkContext }), 'ImageSharing', {
    identity: { kind: 'none' },
    production: true,
    backupPlan: true,
  });
  return Template.fromStack(stack).toJSON() as ResourceTemplate;
}
