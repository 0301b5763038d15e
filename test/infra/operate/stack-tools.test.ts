import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { projectFolder } from '../../../infra/project-folder.ts';

// Tests behavior of an account that no emulator produces on demand, such as refused actions. The suite in test/deploy
// runs the tools against a deployed stack.

interface Queue {
  readonly attributes: Readonly<Record<string, string>>;
  messages: string[];
}

/** Queues by name, and names of the targets' queues by name of the rule. */
let queues: Map<string, Queue>;
let rules: Map<string, string[]>;
/** Action and input of each call. */
let calls: [string, Record<string, any>][];
/** Returns the error code for an action, or undefined to execute it. */
let refusal: (action: string) => string | undefined;
let account: Server;
let endpoint: string;

const bus = 'Sharing-notifications';
const outputs = {
  CommandQueueUrl: 'https://sqs.us-east-1.amazonaws.com/000000000000/Commands',
  NotificationBusName: bus,
};
const nameOf = (url: string) => url.split('/').at(-1)!;
const answer = { event: { type: 'image.update', by: { project: 'alpha', user: 'eve\u009b31m' } } };

/** The actions of SQS and EventBridge. They throw the name of an error. */
const actions: Readonly<Record<string, (input: Record<string, any>) => object>> = {
  SendMessage: ({ QueueUrl, MessageBody }) => {
    queues.get(nameOf(QueueUrl))!.messages.push(MessageBody);
    return { MessageId: 'message-1', MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex') };
  },
  CreateQueue: ({ QueueName, Attributes }) => {
    queues.set(QueueName, { attributes: Attributes, messages: [] });
    return { QueueUrl: `https://sqs.us-east-1.amazonaws.com/000000000000/${QueueName}` };
  },
  GetQueueUrl: ({ QueueName }) => {
    if (!queues.has(QueueName)) throw new Error('QueueDoesNotExist');
    return { QueueUrl: `https://sqs.us-east-1.amazonaws.com/000000000000/${QueueName}` };
  },
  DeleteQueue: ({ QueueUrl }) => {
    queues.delete(nameOf(QueueUrl));
    return {};
  },
  ReceiveMessage: ({ QueueUrl }) => {
    const queue = queues.get(nameOf(QueueUrl));
    if (queue === undefined) throw new Error('QueueDoesNotExist');
    const messages = queue.messages.splice(0);
    return {
      Messages: messages.map((body) => ({
        MessageId: 'message-1',
        ReceiptHandle: 'handle',
        Body: body,
        MD5OfBody: createHash('md5').update(body).digest('hex'),
      })),
    };
  },
  DeleteMessageBatch: ({ Entries }) => ({ Successful: Entries, Failed: [] }),
  PutRule: ({ Name }) => {
    rules.set(Name, []);
    return { RuleArn: `arn:aws:events:us-east-1:000000000000:rule/${bus}/${Name}` };
  },
  PutTargets: ({ Rule, Targets }) => {
    const [{ Arn }] = Targets;
    rules.get(Rule)!.push(Arn);
    const name = String(Arn).split(':').at(-1)!;
    queues
      .get(name)!
      .messages.push(JSON.stringify({ source: 'image-sharing', 'detail-type': 'image.update', detail: answer.event }));
    return { FailedEntryCount: 0, FailedEntries: [] };
  },
  RemoveTargets: ({ Rule }) => {
    if (!rules.has(Rule)) throw new Error('ResourceNotFoundException');
    rules.set(Rule, []);
    return { FailedEntryCount: 0, FailedEntries: [] };
  },
  DeleteRule: ({ Name }) => {
    if ((rules.get(Name)?.length ?? 0) > 0) throw new Error('ValidationException');
    rules.delete(Name);
    return {};
  },
  ListRules: ({ NamePrefix, NextToken }) => {
    // One rule on each page.
    const names = [...rules.keys()].filter((name) => name.startsWith(NamePrefix)).toSorted();
    const index = Number(NextToken ?? 0);
    return {
      Rules: names.slice(index, index + 1).map((Name) => ({ Name })),
      ...(index + 1 < names.length && { NextToken: String(index + 1) }),
    };
  },
};

/** The response of CloudFormation for a stack. */
function describeStacks(stackName: string | null): [status: number, body: string] {
  if (stackName !== 'Sharing' && stackName !== 'Other') {
    const message = `Stack with id ${stackName} does not exist`;
    return [
      400,
      `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>${message}</Message></Error></ErrorResponse>`,
    ];
  }
  const members = Object.entries(stackName === 'Sharing' ? outputs : {}).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  return [
    200,
    `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>${stackName}</StackName><Outputs>${members.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  ];
}

beforeEach(async () => {
  queues = new Map([['Commands', { attributes: {}, messages: [] }]]);
  rules = new Map();
  calls = [];
  refusal = () => undefined;
  account = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const action = String(request.headers['x-amz-target'] ?? '').split('.')[1];
      if (action === undefined) {
        const [status, xml] = describeStacks(new URLSearchParams(body).get('StackName'));
        response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
        return;
      }
      const input = JSON.parse(body) as Record<string, any>;
      calls.push([action, input]);
      let result: object;
      let status = 200;
      try {
        const name = refusal(action);
        if (name !== undefined) throw new Error(name);
        result = actions[action]!(input);
        // The end of a long poll.
        if (action === 'ReceiveMessage' && (result as { Messages: unknown[] }).Messages.length === 0) await pause(50);
      } catch (error) {
        status = 400;
        const { message: name } = error as Error;
        result = { __type: `com.amazonaws#${name}`, message: `It is ${name}.` };
      }
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(result));
    })();
  }).listen(0, '127.0.0.1');
  await once(account, 'listening');
  endpoint = `http://127.0.0.1:${(account.address() as AddressInfo).port}`;
});

afterEach(async () => {
  account.closeAllConnections();
  account.close();
  await once(account, 'close');
});

const credentials = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' };

function start(program: string, args: readonly string[], env: Readonly<Record<string, string>> = credentials) {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(projectFolder, 'infra', 'operate', `${program}.ts`), ...args],
    {
      // No other variables and no home, so that the settings of this machine have no effect.
      env: { AWS_ENDPOINT_URL: endpoint, AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const ended = Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]).then(
    ([output, errors, [status]]) => ({ status: status as number | null, output, errors }),
  );
  return { child, ended };
}

const run = (program: string, args: readonly string[], env?: Readonly<Record<string, string>>) =>
  start(program, args, env).ended;

const waitUntil = async (condition: () => boolean) => {
  while (!condition()) await pause(10);
};
const temporary = () => [...queues.keys()].filter((name) => name !== 'Commands');

describe('send-command --stack', () => {
  test('sends the command to the queue of the stack', async () => {
    const result = await run('send-command', ['--stack', 'Sharing', 'offer-image', 'project=alpha', 'member_id=beta']);

    expect(result).toEqual({ status: 0, output: 'Sent to Commands as message message-1.\n', errors: '' });
    expect(queues.get('Commands')!.messages.map((body) => JSON.parse(body))).toEqual([
      { version: 1, id: expect.any(String), command: 'offer-image', project: 'alpha', member_id: 'beta' },
    ]);
  });

  test('sends an end that is null, and offers, as JSON', async () => {
    const fields = { image_id: 'one', member_id: 'beta' };

    await run('send-command', ['--stack', 'Sharing', 'change-expiry', 'expires_at=null']);
    await run('send-command', ['--stack', 'Sharing', 'offer-images', `offers=${JSON.stringify([fields])}`]);

    expect(queues.get('Commands')!.messages.map((body) => JSON.parse(body))).toEqual([
      { version: 1, id: expect.any(String), command: 'change-expiry', expires_at: null },
      { version: 1, id: expect.any(String), command: 'offer-images', offers: [fields] },
    ]);
  });

  test('says that AWS refused', async () => {
    refusal = () => 'AccessDenied';

    const result = await run('send-command', ['--stack', 'Sharing', '{}']);

    expect(result).toEqual({
      status: 1,
      output: '',
      errors: 'AWS responded with AccessDenied: It is AccessDenied.\n',
    });
  });
});

describe('watch-events --stack', () => {
  const receivesEvent = () => calls.some(([action]) => action === 'DeleteMessageBatch');

  test.each([['SIGINT' as const], ['SIGTERM' as const], ['SIGHUP' as const]])(
    'prints events until %s and removes its queue and rule',
    async (signal) => {
      const { child, ended } = start('watch-events', ['--stack', 'Sharing']);
      await waitUntil(receivesEvent);

      child.kill(signal);
      child.kill(signal);
      const { status, output } = await ended;

      expect({ status, output }).toEqual({
        status: 0,
        output: `image.update           {"type":"image.update","by":{"project":"alpha","user":"eve\\u{9b}31m"}}\n`,
      });
      expect([temporary(), [...rules]]).toEqual([[], []]);
    },
  );

  test('uses an encrypted queue of short retention, to which only its rule can send', async () => {
    const { child, ended } = start('watch-events', ['--stack', 'Sharing']);
    await waitUntil(receivesEvent);
    const [name] = temporary();
    const { MessageRetentionPeriod, SqsManagedSseEnabled, Policy } = queues.get(name!)!.attributes;
    child.kill('SIGINT');
    await ended;

    expect(name).toMatch(/^image-sharing-watch-\d{10}-[0-9a-f]{8}$/);
    expect([MessageRetentionPeriod, SqsManagedSseEnabled]).toEqual(['300', 'true']);
    expect(JSON.parse(Policy!).Statement).toEqual([
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: `arn:aws:sqs:us-east-1:000000000000:${name}`,
        Condition: { ArnEquals: { 'aws:SourceArn': `arn:aws:events:us-east-1:000000000000:rule/${bus}/${name}` } },
      },
    ]);
    const [, rule] = calls.find(([action]) => action === 'PutRule')!;
    expect([rule['Name'], rule['EventBusName'], JSON.parse(rule['EventPattern'])]).toEqual([
      name,
      bus,
      { source: ['image-sharing'] },
    ]);
  });

  test.each([['PutRule'], ['CreateQueue'], ['PutTargets'], ['ReceiveMessage']])(
    'after a refused %s removes its queue and rule and says why',
    async (refused) => {
      refusal = (action) => (action === refused ? 'AccessDenied' : undefined);

      const { status, errors } = await run('watch-events', ['--stack', 'Sharing']);

      expect(status).toBe(1);
      expect(errors).toMatch(/^Watching .*\nAWS responded with AccessDenied: It is AccessDenied\.\n$/);
      expect([temporary(), [...rules]]).toEqual([[], []]);
    },
  );

  test('names the queue and the rule that it could not remove', async () => {
    refusal = (action) => (/^(ReceiveMessage|GetQueueUrl)$/.test(action) ? 'ExpiredToken' : undefined);

    const { status, errors } = await run('watch-events', ['--stack', 'Sharing']);

    expect(status).toBe(1);
    expect(errors.split('\n')[1]).toBe(
      `The temporary queue and rule ${temporary()[0]} could not be removed (AWS responded with ExpiredToken: It is ExpiredToken.); use "--clean" in an hour.`,
    );
  });

  test('--clean removes what is older than an hour, page by page', async () => {
    const now = Math.floor(Date.now() / 1000);
    const names = [now - 7300, now - 3700, now - 3500].map((time) => `image-sharing-watch-${time}-0123abcd`);
    for (const name of names) {
      rules.set(name, [name]);
      queues.set(name, { attributes: {}, messages: [] });
    }
    queues.delete(names[0]!);

    const result = await run('watch-events', ['--stack', 'Sharing', '--clean']);

    expect(result).toEqual({
      status: 0,
      output: names
        .slice(0, 2)
        .map((name) => `Removed the queue and the rule ${name}.\n`)
        .join(''),
      errors: '',
    });
    expect([temporary(), [...rules.keys()]]).toEqual([[names[2]], [names[2]]]);
  });

  test('--clean says that nothing is left', async () => {
    const result = await run('watch-events', ['--stack', 'Sharing', '--clean']);

    expect(result).toEqual({
      status: 0,
      output: 'No temporary queue or rule is older than an hour.\n',
      errors: '',
    });
  });

  test('--clean requires a stack', async () => {
    const { status, errors } = await run('watch-events', ['--clean']);

    expect(status).toBe(1);
    expect(errors).toMatch(/^"--clean" requires "--stack"\.\n\nUsage: /);
  });
});

describe('one sentence explains', () => {
  const { AWS_REGION: _region, ...withoutRegion } = credentials;
  const unknown =
    'Stack with id Unknown does not exist in the selected region and account: check "--stack", AWS_REGION and AWS_PROFILE.';

  test.each([
    ['an unknown stack to dead-letters', 'dead-letters', ['--stack', 'Unknown'], credentials, unknown],
    ['an unknown stack to send-command', 'send-command', ['--stack', 'Unknown', '{}'], credentials, unknown],
    ['an unknown stack to watch-events', 'watch-events', ['--stack', 'Unknown'], credentials, unknown],
    [
      'a stack of another service',
      'watch-events',
      ['--stack', 'Other'],
      credentials,
      'The stack "Other" has no output "NotificationBusName"; "--stack" must name a deployed stack of this service.',
    ],
    [
      'missing credentials',
      'watch-events',
      ['--stack', 'Sharing'],
      { AWS_REGION: 'us-east-1' },
      /^AWS credentials are missing \(.*\): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\.$/,
    ],
    [
      'a missing region',
      'send-command',
      ['--stack', 'Sharing', '{}'],
      withoutRegion,
      'The region of the stack is missing: set AWS_REGION.',
    ],
    [
      'an account that is not reachable',
      'watch-events',
      ['--stack', 'Sharing'],
      { ...credentials, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
      /^AWS is not reachable: .*ECONNREFUSED/,
    ],
    [
      'a host of no region',
      'dead-letters',
      ['--stack', 'Sharing'],
      { ...credentials, AWS_ENDPOINT_URL: 'http://cloudformation.moon.invalid' },
      /^AWS is not reachable \(.*cloudformation\.moon\.invalid\): check AWS_REGION and the network\.$/,
    ],
  ])('%s', async (_what, program, args, env, sentence) => {
    const { status, output, errors } = await run(program, args, env);

    expect({ status, output }).toEqual({ status: 1, output: '' });
    expect(errors.trimEnd().split('\n')).toEqual([
      typeof sentence === 'string' ? sentence : expect.stringMatching(sentence),
    ]);
  });
});
