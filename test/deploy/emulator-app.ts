import { App, CliCredentialsStackSynthesizer } from 'aws-cdk-lib/core';
import { CfnQueuePolicy } from 'aws-cdk-lib/aws-sqs';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';

// The stack with the test identity, so that requests get past the token and an emulator that enforces IAM can tell
// what each function's grants are good for.
const stack = new ImageSharingStack(new App(), 'ImageSharing', {
  identity: 'dev',
  local: true,
  throwAway: true,
  // In the emulator the roles that bootstrapping makes are not allowed enough: the command line's own key deploys.
  synthesizer: new CliCredentialsStackSynthesizer(),
});

// The emulator has no TLS, which the queues insist on: their refusal of anything else is the one thing left out.
for (const policy of stack.node.findAll().filter((one) => one instanceof CfnQueuePolicy)) {
  policy.addPropertyOverride('PolicyDocument.Statement.0.Condition.Bool', { 'aws:SecureTransport': 'neither' });
}
