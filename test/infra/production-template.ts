import { App } from 'aws-cdk-lib/core';
import { Template } from 'aws-cdk-lib/assertions';
import { cdkContext } from '../../infra/cdk-context.ts';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';
import type { Template as ResourceTemplate } from '../../infra/operate/stateful/stateful-changes.ts';

/** Synthesizes the template of the production stage, with each setting that adds a stateful resource. */
export function productionTemplate(): ResourceTemplate {
  const stack = new ImageSharingStack(new App({ context: cdkContext }), 'ImageSharing', {
    identity: { kind: 'none' },
    production: true,
    backupPlan: true,
    domain: {
      name: 'images.example.org',
      certificateArn: 'arn:aws:acm:us-east-1:000000000000:certificate/0123abcd-01ab-01ab-01ab-0123456789ab',
    },
  });
  return Template.fromStack(stack).toJSON() as ResourceTemplate;
}
