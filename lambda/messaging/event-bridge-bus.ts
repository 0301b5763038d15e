import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { replyType, type CommandReply } from '../events/command-handler.ts';
import { notificationSource, type Notification } from '../events/notification.ts';
import type { NotificationBus } from '../events/publish.ts';

/** An EventBridge bus, where the SDK's own environment says that EventBridge is. */
export class EventBridgeBus implements NotificationBus {
  readonly #client = new EventBridgeClient({});
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  async publish(notifications: readonly Notification[]): Promise<readonly boolean[]> {
    const command = new PutEventsCommand({
      Entries: notifications.map((notification) => ({
        EventBusName: this.#name,
        Source: notificationSource,
        DetailType: notification.type,
        Time: new Date(notification.time),
        Detail: JSON.stringify(notification),
      })),
    });
    const answer = await this.#client.send(command).catch(() => undefined);
    return notifications.map((_, n) => answer?.Entries?.[n]?.EventId !== undefined);
  }

  /** Publishes what came of a command. @throws Error where the bus does not take it */
  async reply(reply: CommandReply): Promise<void> {
    const entry = { EventBusName: this.#name, Source: notificationSource, DetailType: replyType };
    const { Entries: entries } = await this.#client.send(
      new PutEventsCommand({ Entries: [{ ...entry, Detail: JSON.stringify(reply) }] }),
    );
    if (entries?.[0]?.EventId === undefined) {
      throw new Error(`The bus refused a reply: ${entries?.[0]?.ErrorCode ?? 'without a reason'}.`);
    }
  }
}
