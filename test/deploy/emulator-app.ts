import { App, CliCredentialsStackSynthesizer, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { CfnEventSourceMapping, CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { CfnQueuePolicy, Queue } from 'aws-cdk-lib/aws-sqs';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';

// The stack with the test identity, so that requests get past the token and an emulator that enforces IAM can tell
// what each function's grants are good for; and what a project has in its own hands that wants to be told of offers.
const app = new App();
// In the emulator the roles that bootstrapping makes are not allowed enough: the command line's own key deploys.
const synthesizer = () => new CliCredentialsStackSynthesizer();

const subscriber = new Stack(app, 'Subscriber', { synthesizer: synthesizer() });
const topic = new Topic(subscriber, 'Topic', { topicName: 'offers' });
const queue = new Queue(subscriber, 'Queue', { queueName: 'offers' });
topic.addSubscription(new SqsSubscription(queue, { rawMessageDelivery: true }));

const stack = new ImageSharingStack(app, 'ImageSharing', {
  identity: 'dev',
  local: true,
  removalPolicy: RemovalPolicy.DESTROY,
  offerSubscriptions: [{ project: 'project-s', topicArn: 'arn:aws:sns:us-east-1:000000000000:offers' }],
  synthesizer: synthesizer(),
});
stack.addStackDependency(subscriber);

for (const construct of stack.node.findAll()) {
  // A function that is kept from something goes on asking for it for most of its time.
  if (construct instanceof CfnFunction && construct.node.path.includes('Notifications')) construct.timeout = 8;
  // The emulator has no TLS, which the queues insist on: their refusal of anything else is left out.
  if (construct instanceof CfnQueuePolicy) {
    construct.addPropertyOverride('PolicyDocument.Statement.0.Condition.Bool', { 'aws:SecureTransport': 'neither' });
  }
  // It gives a batch up for its age alone, and nobody is to wait for that as long as for the service.
  if (construct instanceof CfnEventSourceMapping && construct.maximumRecordAgeInSeconds !== undefined) {
    construct.maximumRecordAgeInSeconds = 2;
  }
}
