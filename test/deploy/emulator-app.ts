import { App, CliCredentialsStackSynthesizer, Stack } from 'aws-cdk-lib/core';
import { CfnEventSourceMapping, CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnBucketPolicy } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { CfnQueuePolicy, Queue } from 'aws-cdk-lib/aws-sqs';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';

// The stack with the dev identity, so that every request has a valid token and only the grants of the functions decide;
// and a subscriber: the topic and queue of a project that receives its offers.
const app = new App();
// The emulator grants the bootstrap roles too little, so the key of the command line deploys.
const synthesizer = () => new CliCredentialsStackSynthesizer();

const subscriber = new Stack(app, 'Subscriber', { synthesizer: synthesizer() });
const topic = new Topic(subscriber, 'Topic', { topicName: 'offers' });
const queue = new Queue(subscriber, 'Queue', { queueName: 'offers' });
topic.addSubscription(new SqsSubscription(queue, { rawMessageDelivery: true }));

const stack = new ImageSharingStack(app, 'ImageSharing', {
  identity: { kind: 'dev' },
  local: true,
  production: false,
  imports: { allowedSources: ['127.0.0.1:*'] },
  offerSubscriptions: [{ project: 'project-s', topicArn: 'arn:aws:sns:us-east-1:000000000000:offers' }],
  synthesizer: synthesizer(),
});
stack.addStackDependency(subscriber);

for (const construct of stack.node.findAll()) {
  // A function without a grant retries until shortly before its timeout.
  if (construct instanceof CfnFunction && construct.node.path.includes('Notifications')) construct.timeout = 8;
  // The emulator has no TLS, so the policy that requires TLS is disabled.
  if (construct instanceof CfnQueuePolicy || construct instanceof CfnBucketPolicy) {
    construct.addPropertyOverride('PolicyDocument.Statement.0.Condition.Bool', { 'aws:SecureTransport': 'neither' });
  }
  // The emulator discards a batch only by its age. A short age keeps the test short.
  if (construct instanceof CfnEventSourceMapping && construct.maximumRecordAgeInSeconds !== undefined) {
    construct.maximumRecordAgeInSeconds = 2;
  }
}
