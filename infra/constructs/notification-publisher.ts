import { Duration, Stack, Validations } from 'aws-cdk-lib/core';
import { EventBus } from 'aws-cdk-lib/aws-events';
import {
  EventSourceMapping,
  type Function as LambdaFunction,
  FilterCriteria,
  FilterRule,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { variables } from '../../lambda/functions/config.ts';
import { sortKey, publishedSortKeys } from '../../lambda/dynamodb/keys.ts';
import { ServiceFunction } from './service-function.ts';
import { createDeadLetterQueue, grantSend } from './event-queue.ts';
import type { PendingChangeCompletion } from './pending-change-completion.ts';
import type { SharingTable } from './sharing-table.ts';

export interface NotificationPublisherProps {
  readonly table: SharingTable;
  readonly pendingChanges: PendingChangeCompletion;
  /**
   * Bundles for the local server.
   *
   * @default false
   */
  readonly local?: boolean;
}

/**
 * Tells a bus of its own of every change of an image or a membership: at least once, in the order in which the changes of
 * each membership were made. Nobody else can publish on it unless IAM allows it.
 */
export class NotificationPublisher extends Construct {
  readonly bus: EventBus;
  readonly function: LambdaFunction;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { table, pendingChanges, local = false }: NotificationPublisherProps) {
    super(scope, id);
    // A bus has to be named; the stack's name is what two stages in one account differ in.
    this.bus = new EventBus(this, 'Bus', { eventBusName: `${Stack.of(this).stackName}-notifications` });
    const deadLetters = (this.deadLetters = createDeadLetterQueue(this, 'DeadLetters'));
    const { function: fn } = new ServiceFunction(this, 'Function', {
      entry: 'publish-notifications',
      environment: {},
      local,
      // It goes on offering for almost as long what the bus refuses.
      timeoutSeconds: 60,
    });
    this.function = fn;
    table.grantReadStream(fn);
    this.grantPublish(fn);
    // The function sends malformed records there itself. The grant of SqsDlq, below, is for the batches that Lambda discards.
    grantSend(deadLetters, fn);
    fn.addEnvironment(variables.deadLetterQueueUrl, deadLetters.queueUrl);
    pendingChanges.grantScheduleCompletion(fn);

    // Not DynamoEventSource, which lets the function list the streams of every table.
    new EventSourceMapping(this, 'Stream', {
      target: fn,
      eventSourceArn: table.streamArn,
      // From the first record on: what happens while the stack is being made is told too.
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      reportBatchItemFailures: true,
      // A record that nothing can be made of is put aside by the function. These are for one that ends the function
      // itself, and for a bus that is away: sixty times almost a minute are most of an hour, and no record keeps those
      // behind it waiting for longer than six.
      bisectBatchOnError: true,
      retryAttempts: 60,
      maxRecordAge: Duration.hours(6),
      onFailure: new SqsDlq(deadLetters),
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.or('INSERT', 'MODIFY'),
          dynamodb: {
            Keys: { [sortKey]: { S: [publishedSortKeys.equals, { prefix: publishedSortKeys.prefix }] } },
          },
        }),
      ],
    });

    Validations.of(this).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::<Table710B521B.Arn>/stream/*]',
      reason: 'ListStreams takes no single stream, and Lambda asks for it: it is limited to those of this table.',
    });
  }

  /** Lets a function publish on the bus, and tells it the bus's name. */
  grantPublish(fn: LambdaFunction): void {
    this.bus.grantPutEventsTo(fn);
    fn.addEnvironment(variables.eventBusName, this.bus.eventBusName);
  }
}
