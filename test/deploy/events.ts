import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { commandSource, commandType } from '../../lambda/events/command.ts';
import type { Emulator } from './emulator.ts';

const alice = { 'x-auth-token': 'dev:alice:project-a:member', 'content-type': 'application/json' };

/** The outputs of the stack. */
export type Outputs = Readonly<Record<'ApiUrl' | 'CommandQueueUrl' | 'CommandBusName' | 'NotificationBusName', string>>;

/** What is told on the bus, as far as it is looked at: notifications, and the outcomes of commands. */
interface Told {
  readonly type?: string;
  readonly image?: { readonly id: string };
  readonly outcome?: string;
  readonly [field: string]: unknown;
}

/** The deployed queues and buses, from outside. */
export interface DeployedEvents {
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
  /** Makes a request of the owner. Returns its status. */
  readonly ask: (path: string, body: object) => Promise<number>;
  /** A command with an id of its own. */
  readonly command: (fields: object) => string;
  /** Sends a message to the queue of commands. */
  readonly send: (body: string) => Promise<void>;
  /** Waits for an event of some kind, and passes over others. */
  readonly told: (isWanted: (detail: Told) => boolean) => Promise<Told>;
}

/** Connects to what was deployed, with a queue of its own that is told what the bus tells. */
export async function connectEvents(emulator: Emulator, outputs: Outputs): Promise<DeployedEvents> {
  const sqs = new SQSClient({ ...emulator.client, useQueueUrlAsEndpoint: false });
  const events = new EventBridgeClient(emulator.client);
  const { QueueUrl: url } = await sqs.send(new CreateQueueCommand({ QueueName: 'rehearsal' }));
  const Arn = 'arn:aws:sqs:us-east-1:000000000000:rehearsal';
  const rule = { Name: 'rehearsal', EventBusName: outputs.NotificationBusName };
  await events.send(new PutRuleCommand({ ...rule, EventPattern: JSON.stringify({ source: ['image-sharing'] }) }));
  await events.send(
    new PutTargetsCommand({ Rule: rule.Name, EventBusName: rule.EventBusName, Targets: [{ Id: 'queue', Arn }] }),
  );
  const seen: Told[] = [];
  return {
    sqs,
    events,
    ask: (path, body) =>
      emulator.ask(outputs.ApiUrl, 'POST', path, alice, JSON.stringify(body)).then(({ status }) => status),
    command: (fields) => JSON.stringify({ version: 1, id: randomUUID(), user: 'robot', ...fields }),
    send: async (body) => {
      await sqs.send(new SendMessageCommand({ QueueUrl: outputs.CommandQueueUrl, MessageBody: body }));
    },
    told: async (isWanted) => {
      for (;;) {
        const found = seen.find(isWanted);
        if (found !== undefined) return found;
        const { Body: body } = await next(sqs, url!);
        seen.push((JSON.parse(body!) as { detail: Told }).detail);
      }
    },
  };
}

/** Commands through the deployed queue and the bus in front of it, and what the deployed bus tells of them, and whom. */
export async function theEvents(
  deployed: DeployedEvents,
  outputs: Outputs,
  say: (line: string) => void,
): Promise<void> {
  const { sqs, events, ask, command, send, told } = deployed;
  const id = randomUUID();
  const member = { image_id: id, member_id: 'project-b' };
  assert.equal(await ask('/v2/images', { id, name: 'told' }), 201);
  assert.equal(await ask(`/v2/images/${id}/members`, { member: 'project-b' }), 200);
  await send(command({ ...member, command: 'answer-offer', project: 'project-b', status: 'accepted', reply: true }));
  const answered = await told(({ type, image }) => type === 'image.member.update' && image?.id === id);
  assert.deepEqual(
    [answered['image'], answered['before'], answered['after'], answered['by']],
    [
      { id, name: 'told', owner: 'project-a' },
      { status: 'pending' },
      { status: 'accepted' },
      { project: 'project-b', user: 'robot', via: 'command' },
    ],
  );
  await told(({ outcome }) => outcome === 'done');
  say('a command through the queue is carried out, told on the bus and answered');

  const Detail = command({ ...member, command: 'withdraw-offer', project: 'project-a' });
  const entry = { EventBusName: outputs.CommandBusName, Source: commandSource, DetailType: commandType, Detail };
  await events.send(new PutEventsCommand({ Entries: [entry] }));
  await told(({ type, image }) => type === 'image.member.delete' && image?.id === id);
  say('a command through the bus is carried out and told');

  assert.equal(await ask(`/v2/images/${id}/members`, { member: 'project-s' }), 200);
  const { QueueUrl: offers } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'offers' }));
  const { Body: offer } = await next(sqs, offers!);
  const {
    type,
    image,
    member: offeredTo,
    by,
  } = JSON.parse(offer!) as Told & { readonly member: { readonly id: string } };
  assert.deepEqual([type, image?.id, offeredTo.id], ['image.member.create', id, 'project-s']);
  assert.deepEqual(by, { project: 'project-a', via: 'http' });
  say('a project that has subscribed is told of the offer to it, and of no other, without the user who made it');
}

/** The next message of a queue. @throws Error if there is none within a minute */
async function next(sqs: SQSClient, QueueUrl: string): Promise<Message> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const received = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }));
    const [message] = received.Messages ?? [];
    if (message === undefined) {
      await pause(200);
      continue;
    }
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
    return message;
  }
  throw new Error(`Nothing came to ${QueueUrl} within a minute.`);
}
