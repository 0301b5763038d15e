import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { clientSettings, abortAtDeadline } from './client-settings.ts';

/** An SQS queue, where the SDK's own environment says that SQS is. */
export class SqsQueue {
  // The URL names the queue only: where SQS is, is the environment's to say, as for every other service.
  readonly #client = new SQSClient({ ...clientSettings, useQueueUrlAsEndpoint: false });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * Sends a message.
   *
   * @param attributes - text by name, to be read beside the message
   */
  async send(body: string, attributes: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#client.send(
      new SendMessageCommand({
        QueueUrl: this.#url,
        MessageBody: body,
        MessageAttributes: Object.fromEntries(
          Object.entries(attributes).map(([name, value]) => [
            name,
            { DataType: 'String', StringValue: sanitizeAttribute(value) },
          ]),
        ),
      }),
      abortAtDeadline(),
    );
  }
}

/** What SQS takes in an attribute ("SendMessage" in the SQS API reference): no control characters, and not nothing. */
const sanitizeAttribute = (text: string): string =>
  text
    .slice(0, 1000)
    .toWellFormed()
    .replaceAll(/[^\P{Cc}\t\n\r]|[\uFFFE\uFFFF]/gu, '\uFFFD') || '-';
