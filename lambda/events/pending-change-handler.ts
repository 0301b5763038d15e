import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { deadlineOf, withDeadline } from '../runtime/deadline.ts';
import { parseImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { Image } from '../domain/image.ts';
import { logMessages } from '../runtime/log-messages.ts';
import type { Log } from '../runtime/log.ts';

/** The message that says that a fan-out has begun. */
export const pendingChangeMessage = ({ id, version }: Pick<Image, 'id' | 'version'>): string =>
  JSON.stringify({ image_id: id, version });

/**
 * Completes the fan-outs whose requests have ended half-way: of each message's image, unless the change that the message
 * names is complete. What is not done within the function's time goes on where it stopped when the message comes again.
 */
export const pendingChangeHandler =
  (images: ImageRepository, logLine: Log) =>
  async (
    { Records: records }: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const until = deadlineOf(context);
    const failures: SQSBatchResponse['batchItemFailures'] = [];
    for (const { messageId, body } of records) {
      try {
        await withDeadline(until, () => finish(images, body, logLine));
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

async function finish(images: ImageRepository, body: string, logLine: Log): Promise<void> {
  const message = JSON.parse(body) as { readonly image_id?: unknown; readonly version?: unknown };
  const imageId = parseImageId(String(message.image_id));
  if (imageId === undefined) throw new Error('The message names no image.');
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
