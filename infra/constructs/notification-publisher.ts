import { Duration, Stack, Validations } from 'aws-cdk-lib/core';
import { type CfnEventBus, EventBus } from 'aws-cdk-lib/aws-events';
import { AccountPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
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
import { type FunctionOptions, ServiceFunction } from './service-function.ts';
import { createDeadLetterQueue, grantSend } from './event-queue.ts';
import type { ImageData } from './image-data.ts';
import type { PendingChangeCompletion } from './pending-change-completion.ts';
import type { SharingTable } from './sharing-table.ts';

export interface NotificationPublisherProps extends FunctionOptions {
  readonly table: SharingTable;
  readonly pendingChanges: PendingChangeCompletion;
  readonly imageData: ImageData;
  /** Retention of the history of images in days. */
  readonly historyDays: number;
  /**
   * Ids of the accounts that may create rules on the bus for themselves, and so receive every event on it.
   *
   * @default - none: rules of the stack's account only
   */
  readonly consumerAccounts?: readonly string[] | undefined;
}

/**
 * A bus and the stream consumer that records every change of an image or a membership in the history and publishes it
 * to the bus: at least once, and in order for each membership. Only a principal that IAM allows can publish to the bus.
 */
export class NotificationPublisher extends Construct {
  readonly bus: EventBus;
  readonly function: LambdaFunction;
  readonly deadLetterQueue: Queue;

  constructor(
    scope: Construct,
    id: string,
    { table, pendingChanges, imageData, historyDays, consumerAccounts = [], ...options }: NotificationPublisherProps,
  ) {
    super(scope, id);
    // A bus requires a name; the stack's name distinguishes the stages within an account.
    const busName = `${Stack.of(this).stackName}-notifications`;
    this.bus = new EventBus(this, 'Bus', { eventBusName: busName });
    // A property of the bus, because no emulator deploys a policy resource.
    if (consumerAccounts.length > 0) {
      (this.bus.node.defaultChild as CfnEventBus).policy = consumerPolicy(this, busName, consumerAccounts);
    }
    this.deadLetterQueue = createDeadLetterQueue(this, 'DeadLetters');
    const fn = new ServiceFunction(this, 'Function', {
      ...options,
      entry: 'publish-notifications',
      environment: { [variables.historyRetentionDays]: String(historyDays) },
      // The function retries failed publishing for almost as long.
      timeout: Duration.seconds(60),
    });
    this.function = fn;
    table.grantReadStream(fn);
    table.grantWriteHistory(fn);
    this.grantPublish(fn);
    // For malformed records, which the function sends itself. SqsDlq, below, grants the same for discarded batches.
    grantSend(this.deadLetterQueue, fn, variables.deadLetterQueueUrl);
    pendingChanges.grantScheduleCompletion(fn);
    imageData.grantSchedule(fn);

    Validations.of(fn).acknowledge({
      id: 'NIST.800.53.R5-LambdaConcurrency',
      reason: 'The stream limits the concurrency: one invocation for each shard, to keep the order.',
    });
    // DynamoEventSource would allow the function to list the streams of every table.
    new EventSourceMapping(this, 'Stream', {
      target: fn,
      eventSourceArn: table.streamArn,
      // Includes changes that are made during the stack's creation.
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      reportBatchItemFailures: true,
      // The function sends malformed records to the dead-letter queue. These settings are for a record that crashes the
      // function, and for a bus that is unavailable: sixty attempts of almost a minute take most of an hour, and no
      // record delays later records by more than six hours.
      bisectBatchOnError: true,
      retryAttempts: 60,
      maxRecordAge: Duration.hours(6),
      onFailure: new SqsDlq(this.deadLetterQueue),
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.or('INSERT', 'MODIFY'),
          dynamodb: {
            Keys: { [sortKey]: { S: [publishedSortKeys.equals, { prefix: publishedSortKeys.prefix }] } },
          },
        }),
      ],
    });
  }

  /** Allows a function to publish to the bus and passes it the bus's name. */
  grantPublish(fn: LambdaFunction): void {
    this.bus.grantPutEventsTo(fn);
    fn.addEnvironment(variables.eventBusName, this.bus.eventBusName);
  }
}

/**
 * Returns the policy of the bus that lets accounts manage rules on it: each account only its own rules, which the
 * condition compares with the creator of an existing rule ("Permissions for event buses" in the EventBridge user guide).
 */
function consumerPolicy(scope: Construct, busName: string, accounts: readonly string[]): PolicyDocument {
  return new PolicyDocument({
    statements: [
      new PolicyStatement({
        sid: 'ManageOwnRules',
        effect: Effect.ALLOW,
        principals: accounts.map((account) => new AccountPrincipal(account)),
        actions: [
          'events:DeleteRule',
          'events:DescribeRule',
          'events:DisableRule',
          'events:EnableRule',
          'events:ListTargetsByRule',
          'events:PutRule',
          'events:PutTargets',
          'events:RemoveTargets',
        ],
        resources: [Stack.of(scope).formatArn({ service: 'events', resource: 'rule', resourceName: `${busName}/*` })],
        conditions: { StringEqualsIfExists: { 'events:creatorAccount': '${aws:PrincipalAccount}' } },
      }),
    ],
  });
}
