import { Duration, Stack } from 'aws-cdk-lib/core';
import { EventBus, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { variables } from '../../lambda/functions/config.ts';
import { commandSource, commandType, maxCommandBytes } from '../../lambda/events/command.ts';
import { type FunctionOptions, ServiceFunction } from './service-function.ts';
import { addQueueSource, createDeadLetterQueue, createEventQueue, grantSend, ruleDelivery } from './event-queue.ts';
import type { NotificationPublisher } from './notification-publisher.ts';
import type { SharingTable } from './sharing-table.ts';

export interface CommandQueueProps extends FunctionOptions {
  readonly table: SharingTable;
  /** Publishes the outcomes of commands. */
  readonly notifications: NotificationPublisher;
  /** Maximum number of members of an image; -1 is unlimited. */
  readonly memberQuota: number;
}

/** Several times the duration of a batch of commands. */
const timeout = Duration.seconds(30);

/**
 * The command queue and the function that executes commands. A sender puts a command into the queue, or publishes it as
 * the detail of an `image.command` event of this account on the command bus. A sender that IAM allows may act for any
 * project, with the role member.
 */
export class CommandQueue extends Construct {
  readonly queue: Queue;
  readonly bus: EventBus;
  readonly deadLetterQueue: Queue;
  /** The rule that delivers the commands of the bus to the queue. */
  readonly rule: Rule;

  constructor(scope: Construct, id: string, { table, notifications, memberQuota, ...options }: CommandQueueProps) {
    super(scope, id);
    this.deadLetterQueue = createDeadLetterQueue(this, 'DeadLetters');
    this.queue = createEventQueue(this, 'Queue', {
      deadLetterQueue: this.deadLetterQueue,
      // The function retries only commands that failed for another reason than a refusal, for about half an hour.
      maxReceiveCount: 10,
      functionTimeout: timeout,
      maxMessageSizeBytes: maxCommandBytes,
    });
    const fn = new ServiceFunction(this, 'Function', {
      ...options,
      entry: 'execute-commands',
      environment: { [variables.memberQuota]: String(memberQuota) },
      timeout,
    });
    table.grantReadWriteItems(fn);
    notifications.grantPublish(fn);
    grantSend(this.deadLetterQueue, fn, variables.deadLetterQueueUrl);
    // A tenth of an account's default concurrency: a backlog of commands must not take it from the requests.
    addQueueSource(fn, this.queue, { batchSize: 10, maxConcurrency: 100 });

    // Separate from the notification bus, so that senders of commands cannot publish notifications.
    this.bus = new EventBus(this, 'Bus', { eventBusName: `${Stack.of(this).stackName}-commands` });
    this.rule = new Rule(this, 'Rule', {
      eventBus: this.bus,
      // Only this account decides who may act for a project, even if the bus policy allows other accounts.
      eventPattern: { source: [commandSource], account: [Stack.of(this).account], detailType: [commandType] },
      targets: [
        new SqsQueue(this.queue, {
          message: RuleTargetInput.fromEventPath('$.detail'),
          ...ruleDelivery(this.deadLetterQueue),
        }),
      ],
    });
  }
}
