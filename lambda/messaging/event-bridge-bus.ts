import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { replyType, type CommandReply } from '../events/command-handler.ts';
import { notificationSource, type Notification } from '../events/notification.ts';
import type { NotificationBus } from '../events/publish-in-order.ts';
import { clientSettings, abortAtDeadline } from './client-settings.ts';

/** An EventBridge bus, where the SDK's own environment says that EventBridge is. */
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
        const { EventId: id, ErrorCode: code = 'without a reason' } = entries?.[n] ?? {};
        return id === undefined ? { errorCode: code } : 'published';
      });
    } catch (error) {
      const errorCode = error instanceof Error ? error.name : String(error);
      return notifications.map(() => ({ errorCode: errorCode }));
    }
  }

  /** Publishes what came of a command. @throws Error where the bus does not take it */
  async reply(reply: CommandReply): Promise<void> {
    const entry = { EventBusName: this.#name, Source: notificationSource, DetailType: replyType };
    const { Entries: entries } = await this.#client.send(
      new PutEventsCommand({ Entries: [{ ...entry, Detail: JSON.stringify(reply) }] }),
      abortAtDeadline(),
    );
    if (entries?.[0]?.EventId === undefined) {
      throw new Error(`The bus refused a reply: ${entries?.[0]?.ErrorCode ?? 'without a reason'}.`);
    }
  }
}
