import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { parseImageId } from '../domain/ids.ts';
import type { ImageDataStore } from '../domain/image-data.ts';
import { deadlineOf } from '../runtime/deadline.ts';
import { logMessages } from '../runtime/log-messages.ts';
import { deletionOperation, importOperation, metricFields, type Outcome } from '../runtime/metric.ts';
import type { Log } from '../runtime/log.ts';
import { withRequestContext } from '../runtime/request-context.ts';
import type { RunImport } from '../use-cases/images/run-import.ts';

/** Number of times that the queue delivers a message. The last delivery ends an import in any case. */
export const maxImageDataReceiveCount = 3;

export interface ImageDataHandlerDependencies {
  readonly runImport: RunImport;
  readonly store: Pick<ImageDataStore, 'delete'>;
  readonly log: Log;
}

/**
 * Runs imports and deletes the objects of deleted images. A message that fails is delivered again; a message that has
 * succeeded has no further effect.
 */
export const imageDataHandler =
  ({ runImport, store, log }: ImageDataHandlerDependencies) =>
  async (
    { Records: records }: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const failures: SQSBatchResponse['batchItemFailures'] = [];
    for (const record of records) {
      const startedAt = performance.now();
      const logEnd = (operation: string, outcome: Outcome, fields: Readonly<Record<string, unknown>>): void => {
        log({
          level: outcome === 'failed' ? 'error' : 'info',
          message: logMessages.imageData,
          ...fields,
          ...metricFields(operation, { Requests: 1, Duration: Math.round(performance.now() - startedAt) }, outcome),
        });
      };
      let message: Message | undefined;
      try {
        const parsed = parseMessage(record.body);
        message = parsed;
        const result = await withRequestContext(deadlineOf(context), () => execute(parsed, record));
        logEnd(operationOf(parsed), result === 'failed' ? 'refused' : 'success', { ...parsed, result });
      } catch (error) {
        failures.push({ itemIdentifier: record.messageId });
        logEnd(operationOf(message), 'failed', { ...message, cause: String(error) });
      }
    }
    return { batchItemFailures: failures };

    async function execute(message: Message, { attributes }: SQSRecord): Promise<string> {
      if ('objectKey' in message) {
        await store.delete(message.objectKey);
        return 'deleted';
      }
      const receiveCount = Number(attributes.ApproximateReceiveCount);
      return runImport({ ...message, isLastAttempt: receiveCount >= maxImageDataReceiveCount });
    }
  };

const operationOf = (message: Message | undefined): string =>
  message !== undefined && 'objectKey' in message ? deletionOperation : importOperation;

type Message =
  | { readonly imageId: NonNullable<ReturnType<typeof parseImageId>>; readonly jobId: string }
  | { readonly objectKey: string };

/** @throws Error if the message is malformed */
function parseMessage(body: string): Message {
  const message = JSON.parse(body) as {
    readonly import?: { readonly image_id?: unknown; readonly job?: unknown };
    readonly delete?: { readonly object_key?: unknown };
  };
  const objectKey = message.delete?.object_key;
  if (typeof objectKey === 'string') return { objectKey };
  const imageId = parseImageId(String(message.import?.image_id));
  const jobId = message.import?.job;
  if (imageId === undefined || typeof jobId !== 'string') {
    throw new Error('The message must have "import" with "image_id" and "job", or "delete" with "object_key".');
  }
  return { imageId, jobId };
}
