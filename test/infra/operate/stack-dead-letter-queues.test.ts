import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CannotRedriveError } from '../../../infra/operate/dead-letter-queues.ts';
import { StackDeadLetters } from '../../../infra/operate/stack-dead-letter-queues.ts';

// What an account does that no emulator does at will: refuse one action, be slow, hand out many messages. That the rest is
// as in an account is seen in test/deploy.

interface Letter {
  readonly queue: string;
  readonly sentAt: number;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  isHidden: boolean;
  isDeleted: boolean;
}

/** The letters by their ids. */
let letters: Map<string, Letter>;
/** What was sent where: a queue's or a bus's name, and the message. */
let sent: [string, string][];
/** Whether a call is refused, and with what. */
let refusal: (action: string, queue: string) => string | undefined;
/** How long a message takes to be sent, in milliseconds. */
let slowness: number;
let account: Server;
let queues: StackDeadLetters;
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
    await pause(slowness);
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
  slowness = 0;
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
  queues = await StackDeadLetters.open('Sharing', process.env, stopping.signal);
});

afterEach(async () => {
  process.env = { ...before };
  account.closeAllConnections();
  account.close();
  await once(account, 'close');
});

const put = (count: number, some: Partial<Letter> = {}) => {
  for (let n = letters.size, end = n + count; n < end; n += 1) {
    const letter = { queue: 'CommandsDeadLetters', sentAt: 1000 - n, body: `{"version": ${n}}`, attributes: {} };
    letters.set(`letter-${n}`, { ...letter, isHidden: false, isDeleted: false, ...some });
  }
};
const left = () => [...letters.values()].filter(({ isDeleted }) => !isDeleted);

test('all of a queue are seen, the oldest first, and shown to others again when it is done', async () => {
  put(25);

  const found = await queues.list();
  const hidden = left().filter(({ isHidden }) => isHidden).length;
  await queues.close();

  expect(found.map(({ id }) => id)).toEqual(Array.from({ length: 25 }, (_, n) => `letter-${24 - n}`));
  expect(hidden).toBe(25);
  expect(left().filter(({ isHidden }) => isHidden)).toEqual([]);
});

test('a letter goes back with what was put aside with it, and out of its queue', async () => {
  put(1, { attributes: { reason: 'no', redrives: '1' } });
  const [letter] = await queues.list();

  await queues.redrive(letter!);

  expect(sent).toEqual([['Commands', '{"version": 0}']]);
  expect(left()).toEqual([]);
});

test('who is interrupted while looking lets go of all that it has seen', async () => {
  put(45);
  refusal = (action) => {
    if (action === 'ReceiveMessage' && left().some(({ isHidden }) => isHidden)) stopping.abort();
    return undefined;
  };

  const found = await queues.list();
  await queues.close();

  expect(found.length).toBeLessThan(45);
  expect(left().filter(({ isHidden }) => isHidden)).toEqual([]);
});

test('what somebody else is looking at is told', async () => {
  put(3, { isHidden: true });
  queues = await StackDeadLetters.open('Sharing', process.env, stopping.signal);

  expect(await queues.list()).toEqual([]);
  expect(queues.warnings()).toEqual([
    { sentence: expect.stringMatching(/^CommandsDeadLetters holds about 3 more, which somebody/), isFault: false },
  ]);
});

test('a queue that cannot be looked into does not hide the others', async () => {
  put(2);
  put(1, { queue: 'OffersDeadLetters' });
  refusal = (action, queue) => (action === 'ReceiveMessage' && queue === 'OffersDeadLetters' ? 'Denied' : undefined);

  const found = await queues.list();

  expect(found).toHaveLength(2);
  expect(queues.warnings()).toEqual([
    { sentence: 'OffersDeadLetters could not be looked into: AWS says Denied: It is Denied.', isFault: true },
  ]);
});

test('a letter that was sent and cannot be taken out ends it all, and says so', async () => {
  put(1);
  refusal = (action) => (action === 'DeleteMessage' ? 'Denied' : undefined);
  const [letter] = await queues.list();

  const sending = queues.redrive(letter!);

  await expect(sending).rejects.toThrow(
    /^letter-0 was sent back but could not be taken out of CommandsDeadLetters, so/,
  );
  await expect(sending).rejects.not.toBeInstanceOf(CannotRedriveError);
});

test('a token that has expired is not the fault of a letter', async () => {
  put(1);
  const [letter] = await queues.list();
  refusal = () => 'ExpiredToken';

  const sending = queues.redrive(letter!);

  await expect(sending).rejects.toThrow(/^AWS says ExpiredToken: It is ExpiredToken\.$/);
  await expect(sending).rejects.not.toBeInstanceOf(CannotRedriveError);
  await expect(queues.close()).rejects.toThrow('1 of those looked at stay hidden for 10 minutes: It is ExpiredToken.');
});

const rule = (bus: string) => ({ RULE_ARN: `arn:aws:events:us-east-1:000000000000:rule/${bus}/rule` });
const event = JSON.stringify({ source: 'x', 'detail-type': 'image.member.create', detail: { a: 1 } });

test('an event that a rule could not deliver goes back to its bus', async () => {
  put(1, { queue: 'OffersDeadLetters', body: event, attributes: rule('Sharing-notifications') });
  const [letter] = await queues.list();

  await queues.redrive(letter!);

  expect(sent).toEqual([['Sharing-notifications', '{"a":1}']]);
});

test('whatever a letter says of a bus, it goes to the queue that its own belongs to', async () => {
  put(1, { body: event, attributes: rule('Sharing-notifications') });
  const [letter] = await queues.list();

  await queues.redrive(letter!);

  expect(sent).toEqual([['Commands', event]]);
});

test.each([
  ['of another bus', rule('other')],
  ['of no bus', {}],
])('a letter %s stays', async (_what, attributes) => {
  put(1, { queue: 'OffersDeadLetters', body: event, attributes });
  const [letter] = await queues.list();

  await expect(queues.redrive(letter!)).rejects.toBeInstanceOf(CannotRedriveError);

  expect([sent, left().length]).toEqual([[], 1]);
});

test('Ctrl-C while sending back says how many were sent, and lets go of the others', async () => {
  put(40);
  slowness = 100;
  const program = join(import.meta.dirname, '..', '..', '..', 'infra', 'operate', 'dead-letters.ts');
  const child: ChildProcess = spawn(process.execPath, [program, '--stack', 'Sharing', 'redrive', 'all'], {
    env: process.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = text(child.stdout!);
  while (sent.length === 0) await pause(10);

  child.kill('SIGINT');
  const [status] = (await once(child, 'exit')) as [number];

  const gone = 40 - left().length;
  expect([status, await output]).toEqual([130, `${gone} sent back.\n`]);
  expect(gone).toBeLessThan(40);
  expect(left().filter(({ isHidden }) => isHidden)).toEqual([]);
});
