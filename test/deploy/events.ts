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
export type Outputs = Readonly<
  Record<
    'ApiUrl' | 'ConsoleUrl' | 'CommandQueueUrl' | 'CommandBusName' | 'ImageBucketName' | 'NotificationBusName',
    string
  >
>;

/** The detail of a published event: a notification or the outcome of a command. */
interface PublishedDetail {
  readonly type?: string;
  readonly image?: { readonly id: string };
  readonly outcome?: string;
  readonly [field: string]: unknown;
}

/** Clients of the deployed queues and buses. */
export interface DeployedEvents {
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
  /** Sends a POST of the owner and returns the status of the response. */
  readonly post: (path: string, body: object) => Promise<number>;
  /** Returns the JSON of a command with a new id. */
  readonly command: (fields: object) => string;
  /** Sends a message to the command queue. */
  readonly send: (body: string) => Promise<void>;
  /** Waits for a published event and ignores all others. @throws Error if no event comes within three minutes */
  readonly waitForEvent: (matches: (detail: PublishedDetail) => boolean) => Promise<PublishedDetail>;
}

/** Connects to the deployed stack, with a new queue that receives every published event. */
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
  const seen: PublishedDetail[] = [];
  return {
    sqs,
    events,
    post: (path, body) =>
      emulator.ask(outputs.ApiUrl, 'POST', path, alice, JSON.stringify(body)).then(({ status }) => status),
    command: (fields) => JSON.stringify({ version: 1, id: randomUUID(), user: 'robot', ...fields }),
    send: async (body) => {
      await sqs.send(new SendMessageCommand({ QueueUrl: outputs.CommandQueueUrl, MessageBody: body }));
    },
    waitForEvent: async (matches) => {
      for (;;) {
        const found = seen.find(matches);
        if (found !== undefined) return found;
        const { Body: body } = await next(sqs, url!);
        seen.push((JSON.parse(body!) as { detail: PublishedDetail }).detail);
      }
    },
  };
}

/** Tests commands through the deployed queue and command bus, their notifications and an offer subscription. */
export async function testEvents(
  deployed: DeployedEvents,
  outputs: Outputs,
  log: (line: string) => void,
): Promise<void> {
  const { sqs, events, post, command, send, waitForEvent } = deployed;
  const id = randomUUID();
  const member = { image_id: id, member_id: 'project-b' };
  assert.equal(await post('/v2/images', { id, name: 'published' }), 201);
  assert.equal(await post(`/v2/images/${id}/members`, { member: 'project-b' }), 200);
  const answer = { id: `answer-${id}`, command: 'answer-offer', project: 'project-b', status: 'accepted' };
  await send(command({ ...member, ...answer, reply: true }));
  const answered = await waitForEvent(({ type, image }) => type === 'image.member.update' && image?.id === id);
  assert.deepEqual(
    [answered['image'], answered['before'], answered['after'], answered['by']],
    [
      { id, name: 'published', owner: 'project-a' },
      { status: 'pending' },
      { status: 'accepted' },
      { project: 'project-b', user: 'robot', via: 'command', request_id: answer.id },
    ],
  );
  await waitForEvent(({ outcome }) => outcome === 'done');
  log('a command through the queue is executed, its change and its outcome are published');

  const Detail = command({ ...member, command: 'withdraw-offer', project: 'project-a' });
  const entry = { EventBusName: outputs.CommandBusName, Source: commandSource, DetailType: commandType, Detail };
  await events.send(new PutEventsCommand({ Entries: [entry] }));
  await waitForEvent(({ type, image }) => type === 'image.member.delete' && image?.id === id);
  log('a command through the bus is executed and its change is published');

  assert.equal(await post(`/v2/images/${id}/members`, { member: 'project-s' }), 200);
  const { QueueUrl: offers } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'offers' }));
  const { Body: offer } = await next(sqs, offers!);
  const {
    type,
    image,
    member: offeredTo,
    by,
  } = JSON.parse(offer!) as PublishedDetail & { readonly member: { readonly id: string } };
  assert.deepEqual([type, image?.id, offeredTo.id], ['image.member.create', id, 'project-s']);
  assert.deepEqual(by, { project: 'project-a', via: 'http' });
  log('a subscribed project receives its offer and no other one, without the user of the actor');
}

/** Receives and deletes the next message of a queue. @throws Error if no message comes within three minutes */
async function next(sqs: SQSClient, QueueUrl: string): Promise<Message> {
  const deadline = Date.now() + 180_000;
  while (Date.now() < deadline) {
    const received = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }));
    const [message] = received.Messages ?? [];
    if (message === undefined) {
      await pause(200);
      continue;
    }
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
    return message;
  }
  throw new Error(`No message in ${QueueUrl} within three minutes.`);
}
