import { Stack } from 'aws-cdk-lib/core';
import { EventBus, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { variables } from '../../lambda/functions/config.ts';
import { commandSource, commandType } from '../../lambda/events/command.ts';
import { ServiceFunction } from './service-function.ts';
import { createDeadLetterQueue, createEventQueue, grantSend, ruleDelivery } from './event-queue.ts';
import type { NotificationPublisher } from './notification-publisher.ts';
import type { SharingTable } from './sharing-table.ts';

export interface CommandQueueProps {
  readonly table: SharingTable;
  /** Whose bus tells senders what came of their commands. */
  readonly notifications: NotificationPublisher;
  /** Most members of one image; -1 is unlimited. */
  readonly memberQuota: number;
  /**
   * Bundles for the local server.
   *
   * @default false
   */
  readonly local?: boolean;
}

/** Several times what a batch of commands takes. */
const timeoutSeconds = 30;

/**
 * The queue of commands and the function that carries them out. A command is sent to the queue, or as the detail of an
 * event `image.command` of this account to the bus that feeds it; whoever IAM lets send may act for any project, as its member.
 */
export class CommandQueue extends Construct {
  /** The queue's URL, known when the stack is deployed. */
  readonly queueUrl: string;
  /** The name of the bus, known when the stack is deployed. */
  readonly busName: string;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { table, notifications, memberQuota, local = false }: CommandQueueProps) {
    super(scope, id);
    const deadLetters = (this.deadLetters = createDeadLetterQueue(this, 'DeadLetters'));
    const queue = createEventQueue(this, 'Queue', {
      deadLetters,
      // A command is refused at once or comes again because something else is in the way: ten times are half an hour.
      maxReceiveCount: 10,
      timeoutSeconds,
      maxMessageSizeBytes: 256 * 1024,
    });
    this.queueUrl = queue.queueUrl;
    const { function: fn } = new ServiceFunction(this, 'Function', {
      entry: 'execute-commands',
      environment: { [variables.memberQuota]: String(memberQuota) },
      local,
      timeoutSeconds,
    });
    table.grantMembers(fn);
    notifications.grantPublish(fn);
    grantSend(deadLetters, fn);
    fn.addEnvironment(variables.deadLetterQueueUrl, deadLetters.queueUrl);
    fn.addEventSource(new SqsEventSource(queue, { batchSize: 10, reportBatchItemFailures: true }));

    // Not the bus of the notifications: whoever may send commands is not to publish changes that nobody made.
    const bus = new EventBus(this, 'Bus', { eventBusName: `${Stack.of(this).stackName}-commands` });
    this.busName = bus.eventBusName;
    new Rule(this, 'Rule', {
      eventBus: bus,
      // Whatever the bus's policy allows: who acts for any project is decided in the account that the stack is in.
      eventPattern: { source: [commandSource], account: [Stack.of(this).account], detailType: [commandType] },
      targets: [
        new SqsQueue(queue, {
          message: RuleTargetInput.fromEventPath('$.detail'),
          ...ruleDelivery(deadLetters),
        }),
      ],
    });
  }
}
