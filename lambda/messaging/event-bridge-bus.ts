import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { replyType, type CommandReply } from '../events/command-reply.ts';
import { notificationSource, type Notification } from '../events/notification.ts';
import type { NotificationBus } from '../events/publish-in-order.ts';
import { clientSettings, abortAtDeadline } from './client-settings.ts';

/** Error code of a failed entry for which EventBridge gives none. */
const noErrorCode = 'no error code';

/** An EventBridge bus. The SDK reads the endpoint from the environment. */
export class EventBridgeBus implements NotificationBus {
  readonly #client = new EventBridgeClient(clientSettings);
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  async publish(notifications: readonly Notification[]): ReturnType<NotificationBus['publish']> {
    const command = new PutEventsCommand({
      Entries: notifications.map((notification) => ({
        EventBusName: this.#name,
        Source: notificationSource,
        DetailType: notification.type,
        Time: new Date(notification.time),
        Detail: JSON.stringify(notification),
      })),
    });
    try {
      const { Entries: entries } = await this.#client.send(command, abortAtDeadline());
      return notifications.map((_, n) => {
        const { EventId: id, ErrorCode: errorCode = noErrorCode } = entries?.[n] ?? {};
        return id === undefined ? { errorCode } : 'published';
      });
    } catch (error) {
      const errorCode = error instanceof Error ? error.name : String(error);
      return notifications.map(() => ({ errorCode }));
    }
  }

  /**
   * Publishes the outcome of a command.
   *
   * @throws Error if the reply is not published
   */
  async reply(reply: CommandReply): Promise<void> {
    const entry = { EventBusName: this.#name, Source: notificationSource, DetailType: replyType };
    const { Entries: entries } = await this.#client.send(
      new PutEventsCommand({ Entries: [{ ...entry, Detail: JSON.stringify(reply) }] }),
      abortAtDeadline(),
    );
    const result = entries?.[0];
    if (result?.EventId === undefined) {
      throw new Error(`The event bus did not publish the reply: ${result?.ErrorCode ?? noErrorCode}.`);
    }
  }
}
