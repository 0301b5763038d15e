import { Duration } from 'aws-cdk-lib/core';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { variables } from '../../lambda/functions/config.ts';
import { ServiceFunction } from './service-function.ts';
import { createDeadLetterQueue, createEventQueue, grantSend } from './event-queue.ts';
import type { SharingTable } from './sharing-table.ts';

export interface PendingChangeCompletionProps {
  readonly table: SharingTable;
  /**
   * Bundles for the local server.
   *
   * @default false
   */
  readonly local?: boolean;
}

/** Long enough for a thousand members; what is left goes on at the next receive. */
const timeoutSeconds = 60;

/**
 * Completes the changes that reach further than one transaction, where the function that began one has ended half-way.
 * Each is looked at once its request can no longer be at it.
 */
export class PendingChangeCompletion extends Construct {
  readonly deadLetters: Queue;
  readonly #queue: Queue;

  constructor(scope: Construct, id: string, { table, local = false }: PendingChangeCompletionProps) {
    super(scope, id);
    const deadLetters = (this.deadLetters = createDeadLetterQueue(this, 'DeadLetters'));
    this.#queue = createEventQueue(this, 'Queue', {
      deadLetters,
      maxReceiveCount: 10,
      timeoutSeconds,
      // Over the 25 s that a request's function may take: two that finish the same change are safe, but in each
      // other's way.
      deliveryDelay: Duration.seconds(30),
    });
    const { function: fn } = new ServiceFunction(this, 'Function', {
      entry: 'complete-pending-changes',
      environment: {},
      local,
      timeoutSeconds,
    });
    table.grantCompletePendingChanges(fn);
    fn.addEventSource(
      new SqsEventSource(this.#queue, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 2 }),
    );
  }

  /** Lets a function have changes looked at again, and tells it where to say so. */
  grantScheduleCompletion(fn: LambdaFunction): void {
    grantSend(this.#queue, fn);
    fn.addEnvironment(variables.pendingChangesQueueUrl, this.#queue.queueUrl);
  }
}
