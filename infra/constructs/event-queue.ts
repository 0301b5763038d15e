import { Duration, Validations } from 'aws-cdk-lib/core';
import type { TargetBaseProps } from 'aws-cdk-lib/aws-events-targets';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { type IQueue, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** A queue for what could not be done: encrypted, over TLS only, and kept for as long as SQS keeps anything. */
export function createDeadLetterQueue(scope: Construct, id: string): Queue {
  const queue = new Queue(scope, id, { ...encrypted, retentionPeriod: Duration.days(14) });
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: 'It is the dead-letter queue itself, be it of a queue, a stream or a rule.',
  });
  return queue;
}

/** How a rule delivers to a target: for hours, and what it cannot deliver by then is kept. */
export const ruleDelivery = (deadLetters: IQueue): TargetBaseProps => ({
  deadLetterQueue: deadLetters,
  maxEventAge: Duration.hours(6),
  retryAttempts: 185, // EventBridge's own number
});

export interface EventQueueProps extends Pick<QueueProps, 'deliveryDelay' | 'maxMessageSizeBytes'> {
  /** Where a message goes that was received too often. */
  readonly deadLetters: Queue;
  /** How often a message is received before it goes there. */
  readonly maxReceiveCount: number;
  /** The timeout of the function that receives from the queue, in seconds. */
  readonly timeoutSeconds: number;
}

/** A queue that a function receives from: encrypted, over TLS only, with a dead-letter queue. */
export const createEventQueue = (scope: Construct, id: string, props: EventQueueProps): Queue =>
  new Queue(scope, id, {
    ...encrypted,
    retentionPeriod: Duration.days(4),
    // Six times the function's timeout ("Using Lambda with Amazon SQS"): so a batch that was throttled on its way to
    // the function is not received a second time while the first still is to be done.
    visibilityTimeout: Duration.seconds(6 * props.timeoutSeconds),
    deadLetterQueue: { queue: props.deadLetters, maxReceiveCount: props.maxReceiveCount },
    ...(props.deliveryDelay && { deliveryDelay: props.deliveryDelay }),
    ...(props.maxMessageSizeBytes && { maxMessageSizeBytes: props.maxMessageSizeBytes }),
  });

/** Lets a function send to a queue; the grant of Queue would also let it ask what the queue is like. */
export const grantSend = (queue: Queue, fn: LambdaFunction): void => {
  queue.grant(fn, 'sqs:SendMessage');
};

// With SQS's own key: it costs nothing, and no sender has to be allowed to use a key.
const encrypted = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true } as const;
