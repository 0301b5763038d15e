import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { deadlineOf } from '../runtime/deadline.ts';
import { withRequestContext } from '../runtime/request-context.ts';
import { parseImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/repositories/image-repository.ts';
import type { Image } from '../domain/image.ts';
import { logMessages } from '../runtime/log-messages.ts';
import type { Log } from '../runtime/log.ts';

/** Returns the message that schedules the completion of a pending change. */
export const pendingChangeMessage = ({ id, version }: Pick<Image, 'id' | 'version'>): string =>
  JSON.stringify({ image_id: id, version });

/**
 * Completes the pending changes of images whose requests ended before they completed them. A message whose change is
 * already completed has no effect. If the function's time does not suffice, the retried message continues the change.
 */
export const pendingChangeHandler =
  (images: ImageRepository, logLine: Log) =>
  async (
    { Records: records }: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const deadline = deadlineOf(context);
    const failures: SQSBatchResponse['batchItemFailures'] = [];
    for (const { messageId, body } of records) {
      try {
        await withRequestContext(deadline, () => completePendingChange(images, body, logLine));
      } catch (error) {
        failures.push({ itemIdentifier: messageId });
        logLine({
          level: 'error',
          message: logMessages.pendingChangeCompletionFailed,
          messageId,
          cause: String(error),
        });
      }
    }
    return { batchItemFailures: failures };
  };

async function completePendingChange(images: ImageRepository, body: string, logLine: Log): Promise<void> {
  const message = JSON.parse(body) as { readonly image_id?: unknown; readonly version?: unknown };
  const imageId = parseImageId(String(message.image_id));
  if (imageId === undefined) throw new Error('The message requires an "image_id": the UUID of an image.');
  const { image } = await images.find(imageId, []);
  if (image?.pendingChange === undefined || image.version !== message.version) return;
  await images.completePendingChange(image);
  logLine({
    level: 'warn',
    message: logMessages.pendingChangeCompleted,
    image: imageId,
    change: image.pendingChange.kind,
  });
}
