import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ListQueuesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Emulator } from './emulator.ts';

const alice = { 'x-auth-token': 'dev:alice:project-a:member', 'content-type': 'application/json' };

/** Commands through the deployed queue and the bus in front of it, and what the deployed bus tells of them. */
export async function theEvents(
  emulator: Emulator,
  outputs: Readonly<Record<'ApiUrl' | 'CommandQueueUrl' | 'CommandBusName' | 'NotificationBusName', string>>,
  say: (line: string) => void,
): Promise<void> {
  const sqs = new SQSClient({ ...emulator.client, useQueueUrlAsEndpoint: false });
  const events = new EventBridgeClient(emulator.client);
  const told = await receiver(sqs, events, outputs.NotificationBusName);
  const ask = (path: string, body: object) =>
    emulator.ask(outputs.ApiUrl, 'POST', path, alice, JSON.stringify(body)).then(({ status }) => status);
  const command = (fields: object) => JSON.stringify({ version: 1, id: randomUUID(), user: 'robot', ...fields });
  const send = (body: string) =>
    sqs.send(new SendMessageCommand({ QueueUrl: outputs.CommandQueueUrl, MessageBody: body }));

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
  const entry = { EventBusName: outputs.CommandBusName, Source: 'rehearsal', DetailType: 'image.command', Detail };
  await events.send(new PutEventsCommand({ Entries: [entry] }));
  await told(({ type, image }) => type === 'image.member.delete' && image?.id === id);
  say('a command through the bus is carried out and told');

  await send('{"version": 2}');
  const { QueueUrls: queues = [] } = await sqs.send(new ListQueuesCommand({}));
  const deadLetters = queues.find((url) => url.includes('CommandsDeadLetters'));
  const message = await next(sqs, deadLetters!);
  assert.equal(message.Body, '{"version": 2}');
  assert.match(message.MessageAttributes?.['reason']?.StringValue ?? '', /another version/);
  say('a command that can never succeed is in the dead-letter queue, with its reason');
  sqs.destroy();
  events.destroy();
}

interface Told {
  readonly type?: string;
  readonly image?: { readonly id: string };
  readonly outcome?: string;
  readonly [field: string]: unknown;
}

/** Subscribes a queue to a bus. What it returns waits for an event of some kind, and passes over others. */
async function receiver(sqs: SQSClient, events: EventBridgeClient, bus: string) {
  const { QueueUrl: url } = await sqs.send(new CreateQueueCommand({ QueueName: 'rehearsal' }));
  const Arn = 'arn:aws:sqs:us-east-1:000000000000:rehearsal';
  const rule = { Name: 'rehearsal', EventBusName: bus };
  await events.send(new PutRuleCommand({ ...rule, EventPattern: JSON.stringify({ source: ['image-sharing'] }) }));
  await events.send(new PutTargetsCommand({ Rule: 'rehearsal', EventBusName: bus, Targets: [{ Id: 'queue', Arn }] }));
  const seen: Told[] = [];
  return async (isWanted: (detail: Told) => boolean): Promise<Told> => {
    for (;;) {
      const found = seen.find(isWanted);
      if (found !== undefined) return found;
      const { Body: body } = await next(sqs, url!);
      seen.push((JSON.parse(body!) as { detail: Told }).detail);
    }
  };
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
