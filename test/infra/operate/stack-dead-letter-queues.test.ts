import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CannotRedriveError } from '../../../infra/operate/dead-letters/dead-letter-queues.ts';
import { StackDeadLetterQueues } from '../../../infra/operate/dead-letters/stack-dead-letter-queues.ts';

// Tests behavior of an account that no emulator produces on demand: a refused action, slow calls, many messages. The
// suite in test/deploy covers the rest.

interface StoredMessage {
  readonly queue: string;
  readonly sentAt: number;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  isHidden: boolean;
  isDeleted: boolean;
}

/** Messages by id. */
let letters: Map<string, StoredMessage>;
/** Sent messages: name of the queue or bus, and body. */
let sent: [string, string][];
/** Returns the error code for a call, or undefined to execute it. */
let refusal: (action: string, queue: string) => string | undefined;
let sendMilliseconds: number;
let account: Server;
let queues: StackDeadLetterQueues;
let stopping: AbortController;
const before = { ...process.env };

const md5 = (body: string) => createHash('md5').update(body).digest('hex');
const queueOf = (url: string) => url.split('/').at(-1)!;
const arn = (queue: string) => `arn:aws:sqs:us-east-1:000000000000:${queue}`;
const url = (queue: string) => `https://sqs.us-east-1.amazonaws.com/000000000000/${queue}`;
const redrives: Readonly<Record<string, string>> = { Commands: 'CommandsDeadLetters' };
const resources = [
  ['AWS::SQS::Queue', url('Commands')],
  ['AWS::SQS::Queue', url('CommandsDeadLetters')],
  ['AWS::SQS::Queue', url('OffersDeadLetters')],
  ['AWS::Events::EventBus', 'Sharing-notifications'],
];

const actions: Readonly<Record<string, (input: Record<string, any>) => object | Promise<object>>> = {
  GetQueueAttributes: ({ QueueUrl }) => {
    const deadLetterTargetArn = redrives[queueOf(QueueUrl)];
    const hidden = [...letters.values()].filter((each) => each.queue === queueOf(QueueUrl) && each.isHidden).length;
    return {
      Attributes: {
        QueueArn: arn(queueOf(QueueUrl)),
        ApproximateNumberOfMessagesNotVisible: String(hidden),
        ...(deadLetterTargetArn && {
          RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn(deadLetterTargetArn) }),
        }),
      },
    };
  },
  ReceiveMessage: ({ QueueUrl }) => {
    const received = [...letters]
      .filter(([, { queue, isHidden, isDeleted }]) => queue === queueOf(QueueUrl) && !isHidden && !isDeleted)
      .slice(0, 10);
    for (const [, letter] of received) letter.isHidden = true;
    return {
      Messages: received.map(([id, { body, sentAt, attributes }]) => ({
        MessageId: id,
        ReceiptHandle: id,
        Body: body,
        MD5OfBody: md5(body),
        Attributes: { SentTimestamp: String(sentAt) },
        MessageAttributes: Object.fromEntries(
          Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
        ),
      })),
    };
  },
  SendMessage: async ({ QueueUrl, MessageBody }) => {
    await pause(sendMilliseconds);
    sent.push([queueOf(QueueUrl), MessageBody]);
    return { MessageId: 'new', MD5OfMessageBody: md5(MessageBody) };
  },
  PutEvents: ({ Entries: [{ EventBusName, Detail }] }) => {
    sent.push([EventBusName, Detail]);
    return { FailedEntryCount: 0, Entries: [{ EventId: 'event' }] };
  },
  DeleteMessage: ({ ReceiptHandle }) => {
    letters.get(ReceiptHandle)!.isDeleted = true;
    return {};
  },
  ChangeMessageVisibility: ({ ReceiptHandle }) => {
    letters.get(ReceiptHandle)!.isHidden = false;
    return {};
  },
};

beforeEach(async () => {
  letters = new Map();
  sent = [];
  sendMilliseconds = 0;
  refusal = () => undefined;
  account = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const action = String(request.headers['x-amz-target'] ?? '').split('.')[1];
      if (action === undefined) {
        const members = resources.map(
          ([type, id]) =>
            `<member><PhysicalResourceId>${id}</PhysicalResourceId><ResourceType>${type}</ResourceType></member>`,
        );
        response.end(
          `<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>${members.join('')}</StackResourceSummaries></ListStackResourcesResult></ListStackResourcesResponse>`,
        );
        return;
      }
      const input = JSON.parse(body) as Record<string, any>;
      const name = refusal(action, queueOf(String(input['QueueUrl'] ?? '')));
      const answer =
        name === undefined
          ? await actions[action]!(input)
          : { __type: `com.amazonaws#${name}`, message: `It is ${name}.` };
      response.writeHead(name === undefined ? 200 : 400, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify(answer));
    })();
  }).listen(0, '127.0.0.1');
  await once(account, 'listening');
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(account.address() as AddressInfo).port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
  });
  stopping = new AbortController();
  queues = await StackDeadLetterQueues.open('Sharing', process.env, stopping.signal);
});

afterEach(async () => {
  process.env = { ...before };
  account.closeAllConnections();
  account.close();
  await once(account, 'close');
});

const put = (count: number, some: Partial<StoredMessage> = {}) => {
  for (let n = letters.size, end = n + count; n < end; n += 1) {
    const letter = { queue: 'CommandsDeadLetters', sentAt: 1000 - n, body: `{"version": ${n}}`, attributes: {} };
    letters.set(`letter-${n}`, { ...letter, isHidden: false, isDeleted: false, ...some });
  }
};
const remaining = () => [...letters.values()].filter(({ isDeleted }) => !isDeleted);

test('all dead letters of a queue are listed, the oldest first, and visible again after closing', async () => {
  put(25);

  const found = await queues.list();
  const hidden = remaining().filter(({ isHidden }) => isHidden).length;
  await queues.close();

  expect(found.map(({ id }) => id)).toEqual(Array.from({ length: 25 }, (_, n) => `letter-${24 - n}`));
  expect(hidden).toBe(25);
  expect(remaining().filter(({ isHidden }) => isHidden)).toEqual([]);
});

test('a redrive sends a dead letter to its source and deletes it', async () => {
  put(1, { attributes: { reason: 'no', redrives: '1' } });
  const [letter] = await queues.list();

  await queues.redrive(letter!);

  expect(sent).toEqual([['Commands', '{"version": 0}']]);
  expect(remaining()).toEqual([]);
});

test('an interrupted list makes all received dead letters visible again', async () => {
  put(45);
  refusal = (action) => {
    if (action === 'ReceiveMessage' && remaining().some(({ isHidden }) => isHidden)) stopping.abort();
    return undefined;
  };

  const found = await queues.list();
  await queues.close();

  expect(found.length).toBeLessThan(45);
  expect(remaining().filter(({ isHidden }) => isHidden)).toEqual([]);
});

test('a warning states the number of messages that another consumer has received', async () => {
  put(3, { isHidden: true });
  queues = await StackDeadLetterQueues.open('Sharing', process.env, stopping.signal);

  expect(await queues.list()).toEqual([]);
  expect(queues.warnings()).toEqual([
    {
      sentence: expect.stringMatching(/^CommandsDeadLetters contains about 3 more, which another consumer/),
      isFailure: false,
    },
  ]);
});

test('an unreadable queue does not hide the other queues', async () => {
  put(2);
  put(1, { queue: 'OffersDeadLetters' });
  refusal = (action, queue) => (action === 'ReceiveMessage' && queue === 'OffersDeadLetters' ? 'Denied' : undefined);

  const found = await queues.list();

  expect(found).toHaveLength(2);
  expect(queues.warnings()).toEqual([
    { sentence: 'OffersDeadLetters could not be read: AWS responded with Denied: It is Denied.', isFailure: true },
  ]);
});

test('a failed deletion after a redrive is an error that stops the command', async () => {
  put(1);
  refusal = (action) => (action === 'DeleteMessage' ? 'Denied' : undefined);
  const [letter] = await queues.list();

  const sending = queues.redrive(letter!);

  await expect(sending).rejects.toThrow(
    /^letter-0 was redriven but could not be deleted from CommandsDeadLetters; another/,
  );
  await expect(sending).rejects.not.toBeInstanceOf(CannotRedriveError);
});

test('an expired token is not an error of one dead letter', async () => {
  put(1);
  const [letter] = await queues.list();
  refusal = () => 'ExpiredToken';

  const sending = queues.redrive(letter!);

  await expect(sending).rejects.toThrow(/^AWS responded with ExpiredToken: It is ExpiredToken\.$/);
  await expect(sending).rejects.not.toBeInstanceOf(CannotRedriveError);
  await expect(queues.close()).rejects.toThrow(
    '1 dead letter(s) stay hidden for up to 10 minutes: It is ExpiredToken.',
  );
});

const rule = (bus: string) => ({ RULE_ARN: `arn:aws:events:us-east-1:000000000000:rule/${bus}/rule` });
const event = JSON.stringify({ source: 'x', 'detail-type': 'image.member.create', detail: { a: 1 } });

test('an event that a rule could not deliver returns to its bus', async () => {
  put(1, { queue: 'OffersDeadLetters', body: event, attributes: rule('Sharing-notifications') });
  const [letter] = await queues.list();

  await queues.redrive(letter!);

  expect(sent).toEqual([['Sharing-notifications', '{"a":1}']]);
});

test('a dead letter of a queue returns to this queue, even with attributes of EventBridge', async () => {
  put(1, { body: event, attributes: rule('Sharing-notifications') });
  const [letter] = await queues.list();

  await queues.redrive(letter!);

  expect(sent).toEqual([['Commands', event]]);
});

test.each([
  ['of another bus', rule('other')],
  ['of no bus', {}],
])('a dead letter %s cannot be redriven', async (_what, attributes) => {
  put(1, { queue: 'OffersDeadLetters', body: event, attributes });
  const [letter] = await queues.list();

  await expect(queues.redrive(letter!)).rejects.toBeInstanceOf(CannotRedriveError);

  expect([sent, remaining().length]).toEqual([[], 1]);
});

test('Ctrl-C during a redrive prints the number of redriven dead letters and makes the others visible again', async () => {
  put(40);
  sendMilliseconds = 100;
  const program = join(import.meta.dirname, '..', '..', '..', 'infra', 'operate', 'dead-letters.ts');
  const child: ChildProcess = spawn(process.execPath, [program, '--stack', 'Sharing', 'redrive', 'all'], {
    env: process.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = text(child.stdout!);
  while (sent.length === 0) await pause(10);

  child.kill('SIGINT');
  const [status] = (await once(child, 'exit')) as [number];

  const redriven = 40 - remaining().length;
  expect([status, await output]).toEqual([130, `${redriven} redriven.\n`]);
  expect(redriven).toBeLessThan(40);
  expect(remaining().filter(({ isHidden }) => isHidden)).toEqual([]);
});
