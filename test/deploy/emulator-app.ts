import { App, CliCredentialsStackSynthesizer } from 'aws-cdk-lib/core';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';

// The stack with the test identity, so that requests get past the token and an emulator that enforces IAM can tell
// what each function's grants are good for.
new ImageSharingStack(new App(), 'ImageSharing', {
  identity: 'dev',
  local: true,
  throwAway: true,
  // In the emulator the roles that bootstrapping makes are not allowed enough: the command line's own key deploys.
  synthesizer: new CliCredentialsStackSynthesizer(),
});
