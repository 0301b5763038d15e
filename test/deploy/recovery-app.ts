import { App } from 'aws-cdk-lib/core';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';

// A production stage with the dev identity, so that every request has a valid token.
const app = new App();
new ImageSharingStack(app, 'ImageSharing', {
  identity: { kind: 'dev' },
  local: true,
  production: true,
  // The emulator refuses canaries.
  canary: false,
  restoredTable: app.node.tryGetContext('restoredTable') as string | undefined,
});
