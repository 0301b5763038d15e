import { Duration, Validations } from 'aws-cdk-lib/core';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { TargetBaseProps } from 'aws-cdk-lib/aws-events-targets';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { type IQueue, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** Creates a dead-letter queue: encrypted, accessible over TLS only, with the maximum retention period of SQS. */
export function createDeadLetterQueue(scope: Construct, id: string): Queue {
  const queue = new Queue(scope, id, { ...encrypted, retentionPeriod: Duration.days(14) });
  for (const id of ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy']) {
    Validations.of(queue).acknowledge({
      id,
      reason: 'It is the dead-letter queue itself, be it of a queue, a stream or a rule.',
    });
  }
  return queue;
}

/**
 * Returns the delivery settings of a rule's target: retries for 6 hours, then the event goes to the dead-letter queue.
 */
export const ruleDelivery = (deadLetterQueue: IQueue): TargetBaseProps => ({
  deadLetterQueue,
  maxEventAge: Duration.hours(6),
  retryAttempts: 185, // EventBridge's default
});

export interface EventQueueProps extends Pick<QueueProps, 'deliveryDelay' | 'maxMessageSizeBytes'> {
  /** Receives a message after `maxReceiveCount` failed attempts. */
  readonly deadLetterQueue: IQueue;
  /** Number of times that a message is received before it moves to the dead-letter queue. */
  readonly maxReceiveCount: number;
  /** Timeout of the function that receives from the queue. */
  readonly functionTimeout: Duration;
  /**
   * Time until a received message is visible again.
   *
   * @default - six times the function's timeout
   */
  readonly visibilityTimeout?: Duration;
}

/** Creates a queue that a function receives from: encrypted, accessible over TLS only, with a dead-letter queue. */
export function createEventQueue(scope: Construct, id: string, props: EventQueueProps): Queue {
  const { deadLetterQueue, maxReceiveCount, functionTimeout, visibilityTimeout, ...settings } = props;
  return new Queue(scope, id, {
    ...encrypted,
    ...settings,
    retentionPeriod: Duration.days(4),
    // Six times the function's timeout ("Using Lambda with Amazon SQS"), so that a throttled batch is not received
    // again while the function still processes it.
    visibilityTimeout: visibilityTimeout ?? Duration.seconds(6 * functionTimeout.toSeconds()),
    deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount },
  });
}

/**
 * Lets a function receive from a queue. It reports the messages of a batch that failed.
 *
 * @param maxConcurrency - number of batches that the function processes at the same time, 2 to 1,000
 */
export function addQueueSource(
  fn: LambdaFunction,
  queue: IQueue,
  { batchSize, maxConcurrency }: { readonly batchSize: number; readonly maxConcurrency: number },
): void {
  fn.addEventSource(new SqsEventSource(queue, { batchSize, maxConcurrency, reportBatchItemFailures: true }));
  Validations.of(fn).acknowledge(
    {
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason: 'A queue has no such destination: its redrive policy names the dead-letter queue.',
    },
    {
      id: 'NIST.800.53.R5-LambdaConcurrency',
      reason:
        'The event source limits the concurrency. With a reserved concurrency, throttled batches would count as failed attempts of their messages.',
    },
  );
}

/**
 * Allows a function to send to a queue and passes it the queue's URL. `Queue.grantSendMessages` would also allow the
 * function to read the queue's attributes.
 *
 * @param variable - name of the environment variable that gets the URL
 */
export function grantSend(queue: Queue, fn: LambdaFunction, variable: string): void {
  queue.grant(fn, 'sqs:SendMessage');
  fn.addEnvironment(variable, queue.queueUrl);
}

// The key of SQS costs nothing, and senders need no permission to use it.
const encrypted = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true } as const;
