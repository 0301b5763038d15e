import { randomUUID } from 'node:crypto';
import {
  DeleteRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { notificationSource } from '../../../lambda/events/notification.ts';
import type { PublishedEvent } from '../../local/events/event-store.ts';
import { UsageError } from '../../usage-error.ts';
import { awsClientSettings } from './aws-client-settings.ts';
import { withUsageErrors } from './aws-errors.ts';
import { readStackOutput } from './read-stack-output.ts';

/** Start of the name that a temporary queue and its rule share. The time in seconds and a random text follow. */
const namePrefix = 'image-sharing-watch-';

/** Age after which a temporary queue and rule are leftovers of a watch that could not remove them. */
const leftoverAgeSeconds = 3600;

/** Retention of the temporary queue, which this command reads continuously. */
const retentionSeconds = 300;

const targetId = 'queue';

interface Clients {
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
}

/**
 * Receives the events of a deployed stack's notification bus, through a temporary encrypted queue to which only a
 * temporary rule of this bus can send.
 */
export class StackEvents {
  /** Name of the temporary queue and rule. */
  readonly name = `${namePrefix}${Math.floor(Date.now() / 1000)}-${randomUUID().slice(0, 8)}`;
  readonly #bus: string;
  readonly #clients: Clients;

  private constructor(bus: string, clients: Clients) {
    this.#bus = bus;
    this.#clients = clients;
  }

  /**
   * Finds the bus of a stack. Creates nothing.
   *
   * @param stackName - name or ARN of the stack
   * @throws UsageError if the stack is missing or AWS cannot be called
   */
  static async find(stackName: string, env: NodeJS.ProcessEnv): Promise<StackEvents> {
    const bus = await readStackOutput(stackName, 'NotificationBusName', env);
    return new StackEvents(bus, createClients(env));
  }

  /**
   * Creates the queue and the rule and yields every event until the signal, at least once and in no order.
   *
   * @throws UsageError if AWS cannot be called or the queue is removed
   */
  async *receive(signal: AbortSignal): AsyncGenerator<Pick<PublishedEvent, 'type' | 'detail'>> {
    try {
      const queueUrl = await withUsageErrors(() => this.#create());
      for (;;) {
        const messages = await withUsageErrors(() => this.#receiveMessages(queueUrl, signal));
        for (const { Body: body = '{}' } of messages) {
          const event = JSON.parse(body) as { readonly 'detail-type': string; readonly detail: unknown };
          yield { type: event['detail-type'], detail: JSON.stringify(event.detail) };
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
  }

  /**
   * Removes the queue and the rule, also if only a part of them exists, and releases all resources.
   *
   * @throws UsageError if they could not be removed
   */
  async remove(): Promise<void> {
    try {
      await withUsageErrors(() => removeNamed(this.#clients, this.#bus, this.name));
    } catch (error) {
      throw new UsageError(
        `The temporary queue and rule ${this.name} could not be removed (${(error as Error).message}); use "--clean" in an hour.`,
        { cause: error },
      );
    } finally {
      destroy(this.#clients);
    }
  }

  /**
   * Creates the rule first, so that every queue has a rule on the bus, by which a leftover is found. A signal does not
   * interrupt it: AWS could complete an interrupted call after the removal.
   */
  async #create(): Promise<string> {
    const { sqs, events } = this.#clients;
    const rule = { Name: this.name, EventBusName: this.#bus };
    const { RuleArn: ruleArn = '' } = await events.send(
      new PutRuleCommand({
        ...rule,
        EventPattern: JSON.stringify({ source: [notificationSource] }),
        Description: 'Temporary: npm run watch-events',
      }),
    );
    const [, partition, , region, account] = ruleArn.split(':');
    const queueArn = `arn:${partition}:sqs:${region}:${account}:${this.name}`;
    const { QueueUrl: queueUrl } = await sqs.send(
      new CreateQueueCommand({
        QueueName: this.name,
        Attributes: {
          MessageRetentionPeriod: String(retentionSeconds),
          SqsManagedSseEnabled: 'true',
          Policy: JSON.stringify({
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Principal: { Service: 'events.amazonaws.com' },
                Action: 'sqs:SendMessage',
                Resource: queueArn,
                Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
              },
            ],
          }),
        },
      }),
    );
    const { FailedEntries: failed = [] } = await events.send(
      new PutTargetsCommand({
        Rule: this.name,
        EventBusName: this.#bus,
        Targets: [{ Id: targetId, Arn: queueArn }],
      }),
    );
    if (failed[0] !== undefined) throw new UsageError(`The rule has no target: ${failed[0].ErrorMessage}`);
    return queueUrl!;
  }

  async #receiveMessages(queueUrl: string, abortSignal: AbortSignal): Promise<readonly Message[]> {
    const { sqs } = this.#clients;
    const { Messages: messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }),
      { abortSignal },
    );
    if (messages.length > 0) {
      await sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: queueUrl,
          Entries: messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
        }),
      );
    }
    return messages;
  }
}

/**
 * Removes the temporary queues and rules that are older than an hour, on the notification bus of a stack.
 *
 * @returns their names
 * @throws UsageError if the stack is missing or AWS cannot be called
 */
export async function removeLeftovers(stackName: string, env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const bus = await readStackOutput(stackName, 'NotificationBusName', env);
  const clients = createClients(env);
  const oldest = Date.now() / 1000 - leftoverAgeSeconds;
  const removed: string[] = [];
  try {
    await withUsageErrors(async () => {
      let nextToken: string | undefined;
      const names: string[] = [];
      do {
        const page = await clients.events.send(
          new ListRulesCommand({ EventBusName: bus, NamePrefix: namePrefix, NextToken: nextToken }),
        );
        names.push(...(page.Rules ?? []).map(({ Name: name = '' }) => name));
        nextToken = page.NextToken;
      } while (nextToken !== undefined);
      for (const name of names) {
        if (Number(name.slice(namePrefix.length).split('-')[0]) > oldest) continue;
        await removeNamed(clients, bus, name);
        removed.push(name);
      }
    });
  } finally {
    destroy(clients);
  }
  return removed;
}

const createClients = (env: NodeJS.ProcessEnv): Clients => ({
  // The endpoint comes from the environment, because the host of a queue URL may be wrong for an emulator.
  sqs: new SQSClient({ ...awsClientSettings(env), useQueueUrlAsEndpoint: false }),
  events: new EventBridgeClient(awsClientSettings(env)),
});

const destroy = ({ sqs, events }: Clients): void => {
  sqs.destroy();
  events.destroy();
};

/** Removes a temporary queue and its rule. The rule is last: without it, a leftover queue would not be found. */
async function removeNamed({ sqs, events }: Clients, bus: string, name: string): Promise<void> {
  const rule = { Rule: name, EventBusName: bus };
  await unlessMissing(async () => {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
  });
  await unlessMissing(() => events.send(new RemoveTargetsCommand({ ...rule, Ids: [targetId] })));
  await unlessMissing(() => events.send(new DeleteRuleCommand({ Name: name, EventBusName: bus })));
}

/** Calls AWS and ignores the error that a queue or a rule does not exist. */
async function unlessMissing(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    const { name } = error as Error;
    if (!['QueueDoesNotExist', 'ResourceNotFoundException'].includes(name)) throw error;
  }
}
