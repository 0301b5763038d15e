import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { clientSettings, abortAtDeadline } from './client-settings.ts';

/** An SQS queue. The SDK reads the endpoint from the environment. */
export class SqsQueue {
  // The URL only identifies the queue. The endpoint comes from the environment, as for every other service.
  readonly #client = new SQSClient({ ...clientSettings, useQueueUrlAsEndpoint: false });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * Sends a message.
   *
   * @param attributes - message attributes by name; unsupported characters are replaced and values cut to 1,000
   *   characters
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

/** Returns a valid value of a message attribute: not empty and without control characters ("SendMessage", SQS API). */
const sanitizeAttribute = (text: string): string =>
  text
    .slice(0, 1000)
    .toWellFormed()
    .replaceAll(/[^\P{Cc}\t\n\r]|[\uFFFE\uFFFF]/gu, '\uFFFD') || '-';
