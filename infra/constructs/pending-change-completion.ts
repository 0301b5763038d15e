import { Duration } from 'aws-cdk-lib/core';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { variables } from '../../lambda/functions/config.ts';
import { apiFunctionTimeout, type FunctionOptions, ServiceFunction } from './service-function.ts';
import { addQueueSource, createDeadLetterQueue, createEventQueue, grantSend } from './event-queue.ts';
import type { SharingTable } from './sharing-table.ts';

export interface PendingChangeCompletionProps extends FunctionOptions {
  readonly table: SharingTable;
}

/** Long enough for a thousand members; the next receive continues with the remaining members. */
const timeout = Duration.seconds(60);

/**
 * A queue and a function that complete pending changes after the function that started them failed. The function reads
 * a pending change only after the timeout of its request.
 */
export class PendingChangeCompletion extends Construct {
  readonly deadLetterQueue: Queue;
  readonly #queue: Queue;

  constructor(scope: Construct, id: string, { table, ...options }: PendingChangeCompletionProps) {
    super(scope, id);
    this.deadLetterQueue = createDeadLetterQueue(this, 'DeadLetters');
    this.#queue = createEventQueue(this, 'Queue', {
      deadLetterQueue: this.deadLetterQueue,
      maxReceiveCount: 10,
      functionTimeout: timeout,
      // Two functions may complete the same change safely, but their writes conflict.
      deliveryDelay: apiFunctionTimeout.plus(Duration.seconds(5)),
    });
    const fn = new ServiceFunction(this, 'Function', { ...options, entry: 'complete-pending-changes', timeout });
    table.grantReadWriteItems(fn);
    addQueueSource(fn, this.#queue, { batchSize: 1, maxConcurrency: 2 });
  }

  /** Allows a function to schedule the completion of pending changes and passes it the queue's URL. */
  grantScheduleCompletion(fn: LambdaFunction): void {
    grantSend(this.#queue, fn, variables.pendingChangesQueueUrl);
  }
}
