import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseCommand } from '../../../lambda/events/command.ts';
import { seedImage } from '../../support/seed.ts';
import { command, type CommandWorld, openCommandWorld } from './command-world.ts';
import { storm } from './command-storm.ts';

let world: CommandWorld;

beforeAll(async () => {
  world = await openCommandWorld();
});

afterAll(() => world.close());

beforeEach(async () => {
  world.remaining = 15_000;
  world.proxy.intercept(undefined);
  await world.notifications.drain();
  for (const list of [world.notifications.published, world.deadLetters, world.replies, world.logged]) list.length = 0;
});

const anImage = async (status?: 'pending' | 'accepted'): Promise<string> =>
  (await seedImage(world.table, { owner: 'alpha', members: status ? [{ project: 'beta', status }] : [] })).id;
const answering = (image_id: string, status: string, more: object = {}) =>
  command({ command: 'answer-offer', project: 'beta', image_id, member_id: 'beta', status, ...more });
const byAlpha = (verb: string, image_id: string, more: object = {}) =>
  command({ command: verb, project: 'alpha', image_id, member_id: 'beta', ...more });

/** Returns the notifications of memberships since the start of the test. */
async function told(): Promise<readonly unknown[]> {
  await world.notifications.drain();
  return world.notifications.published
    .filter(({ member }) => member !== undefined)
    .map(({ type, after, by }) => [type, after?.['status'], `${by.user} of ${by.project}, by ${by.via}`])
    .filter(([, , by]) => String(by).endsWith('by command'));
}

describe('a command does what the request does', () => {
  test('an offer is made, answered and withdrawn', async () => {
    const id = await anImage();

    await world.deliver(byAlpha('offer-image', id));
    await world.deliver(answering(id, 'accepted'));
    await world.deliver(byAlpha('withdraw-offer', id));

    expect(await told()).toEqual([
      ['image.member.create', 'pending', 'robot of alpha, by command'],
      ['image.member.update', 'accepted', 'robot of beta, by command'],
      ['image.member.delete', undefined, 'robot of alpha, by command'],
    ]);
    expect(world.deadLetters).toEqual([]);
  });

  test('the notification of the change has the id of the command', async () => {
    await world.deliver(byAlpha('offer-image', await anImage(), { id: 'order-4711' }));

    await world.notifications.drain();

    const { by } = world.notifications.published.at(-1)!;
    expect(by).toEqual({ project: 'alpha', user: 'robot', via: 'command', request_id: 'order-4711' });
  });

  test('the outcome is published if the command requests a reply', async () => {
    const id = await anImage('pending');
    const fields = { version: 1, project: 'beta', command: 'answer-offer', image_id: id, member_id: 'beta' };

    await world.deliver(answering(id, 'accepted', { id: 'one', reply: true }), answering(id, 'no', { id: 'two' }));
    await world.deliver(answering(id, 'never', { id: 'three', reply: true }));

    const digest = expect.stringMatching(/^[\w-]{43}$/);
    expect(world.replies).toEqual([
      { ...fields, id: 'one', digest, outcome: 'done' },
      {
        ...fields,
        id: 'three',
        digest,
        outcome: 'refused',
        error: 'invalid-member-status',
        message: 'The field "status" must be "pending", "accepted" or "rejected".',
      },
    ]);
  });
});

describe('a refused message is sent to the dead-letter queue immediately, unchanged, with the reason', () => {
  const good = {
    version: 1,
    id: 'x',
    command: 'offer-image',
    project: 'alpha',
    user: 'u',
    image_id: 'i',
    member_id: 'm',
  };

  test.each([
    ['no JSON', 'hello', 'must be JSON; see'],
    ['a list', '[]', 'must be a JSON object'],
    ['of another version', { ...good, version: 2 }, '"version" must be 1'],
    ['of no version', { ...good, version: undefined }, '"version" must be 1'],
    ['one with an unknown field', { ...good, force: true }, 'The field "force" is unknown'],
    ['an unknown command', { ...good, command: 'delete-image' }, 'malformed at #/command'],
    ['without an id', { ...good, id: undefined }, 'required property "id"'],
    ['one whose id has a blank', { ...good, id: 'a b' }, 'malformed at #/id'],
    ['an answer without a status', { ...good, command: 'answer-offer' }, 'required property "status"'],
    ['an offer with a status', { ...good, status: 'accepted' }, 'malformed at #'],
    ['for an impossible project', { ...good, project: 'a/b' }, '"project" must be a project id'],
    ['an event of another bus', { 'detail-type': 'x', detail: good, version: '0' }, '"version" must be 1'],
    ['with half a surrogate pair', { ...good, user: '\ud800' }, 'must be well-formed Unicode'],
    ['over 256 KiB', { ...good, user: 'u'.repeat(256 * 1024) }, 'at most 262144 bytes'],
  ])('%s', async (_what, content, reason) => {
    const body = typeof content === 'string' ? content : JSON.stringify(content);

    const again = await world.deliver({ body });

    expect(again).toEqual([]);
    expect(world.deadLetters).toEqual([
      { body, attributes: { reason: expect.stringContaining(reason), error: 'invalid-request', redrives: '1' } },
    ]);
  });

  test.each([
    ['for an image that does not exist', () => answering(randomUUID(), 'accepted'), 'image-not-found'],
    ['from one who is no member', async () => answering(await anImage(), 'accepted'), 'image-not-found'],
    [
      'an offer by one who does not own the image',
      async () =>
        command({ command: 'offer-image', project: 'beta', image_id: await anImage('pending'), member_id: 'gamma' }),
      'not-permitted',
    ],
    ['an offer to a member', async () => byAlpha('offer-image', await anImage('accepted')), 'member-exists'],
    ['a withdrawal of nothing', async () => byAlpha('withdraw-offer', await anImage()), 'member-not-found'],
    [
      'a withdrawal from what can be no project',
      async () => byAlpha('withdraw-offer', await anImage(), { member_id: '?' }),
      'member-not-found',
    ],
    [
      'an offer to what can be no project',
      async () => byAlpha('offer-image', await anImage(), { member_id: 'a/b' }),
      'invalid-request',
    ],
    ['a status that is none', async () => answering(await anImage('pending'), 'maybe'), 'invalid-member-status'],
  ])('%s', async (_what, message, error) => {
    const sent = await message();

    const again = await world.deliver(sent);

    expect(again).toEqual([]);
    expect(world.deadLetters).toEqual([
      { body: sent.body, attributes: { reason: expect.stringMatching(/^["A-Z].*\.$/), error, redrives: '1' } },
    ]);
    expect(await told()).toEqual([]);
  });
});

describe('a command that is delivered again acts once and has the same outcome', () => {
  test('at the same time, in one batch and in several', async () => {
    const id = await anImage();
    const sent = byAlpha('offer-image', id, { reply: true });

    const batches = [world.deliver(sent, sent, sent), world.deliver(sent), world.deliver(sent)];

    expect((await Promise.all(batches)).flat()).toEqual([]);
    expect(world.replies.map(({ outcome }) => outcome)).toEqual(Array(5).fill('done'));
    expect(await told()).toHaveLength(1);
  });

  test('an answer after another answer changes nothing', async () => {
    const id = await anImage('pending');
    const first = answering(id, 'accepted', { reply: true });
    await world.deliver(first);
    await world.deliver(answering(id, 'rejected'));

    await world.deliver(first);

    expect(world.replies.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
    expect((await told()).map((each) => (each as string[])[1])).toEqual(['accepted', 'rejected']);
  });

  test('an offer after a withdrawal changes nothing', async () => {
    const id = await anImage();
    const offer = byAlpha('offer-image', id);
    await world.deliver(offer);
    await world.deliver(byAlpha('withdraw-offer', id));

    const again = await world.deliver(offer);

    expect([again, world.deadLetters]).toEqual([[], []]);
    expect(await told()).toHaveLength(2);
  });

  test('a withdrawal after a new offer changes nothing', async () => {
    const id = await anImage('accepted');
    const withdrawal = byAlpha('withdraw-offer', id);
    await world.deliver(withdrawal);
    await world.deliver(byAlpha('offer-image', id));

    const again = await world.deliver(withdrawal);

    expect([again, world.deadLetters]).toEqual([[], []]);
    expect(await told()).toHaveLength(2);
  });

  test('a refusal remains a refusal although the command could succeed now', async () => {
    const id = await anImage();
    const answer = answering(id, 'accepted', { reply: true });
    await world.deliver(answer);
    await world.deliver(byAlpha('offer-image', id));

    await world.deliver(answer);

    expect(world.replies.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
  });

  test('a redriven refusal is executed again, once', async () => {
    const id = await anImage();
    await world.deliver(answering(id, 'accepted', { reply: true }));
    await world.deliver(byAlpha('offer-image', id));
    const [refused] = world.deadLetters;

    await world.deliver(refused!, refused!);
    await world.deliver(answering(id, 'rejected'));
    await world.deliver(refused!);

    expect(world.replies.map(({ outcome }) => outcome)).toEqual(['refused', 'done', 'done', 'done']);
    expect((await told()).map((each) => (each as string[])[1])).toEqual(['pending', 'accepted', 'rejected']);
  });

  test('of two refused commands with one id, only the first is executed again after a redrive', async () => {
    const id = await anImage();
    await world.deliver(answering(id, 'accepted', { id: 'shared' }));
    await world.deliver(answering(id, 'rejected', { id: 'shared' }));
    const [first, second] = world.deadLetters.splice(0);
    await world.deliver(byAlpha('offer-image', id));

    await world.deliver(second!);
    await world.deliver(first!);

    expect(world.deadLetters.map(({ attributes }) => attributes?.['reason'])).toEqual([
      'The project has used the "id" shared for another command; each command must have its own.',
    ]);
    expect((await told()).map((each) => (each as string[])[1])).toEqual(['pending', 'accepted']);
  });

  test('the same command with and without a requested reply is one command', async () => {
    const id = await anImage('pending');
    await world.deliver(answering(id, 'accepted', { id: 'quiet' }));

    await world.deliver(answering(id, 'accepted', { id: 'quiet', reply: true }));

    expect(world.replies.map(({ outcome }) => outcome)).toEqual(['done']);
    expect(await told()).toHaveLength(1);
  });

  test('the same command in the event of its bus is one command', async () => {
    const id = await anImage('pending');
    const sent = answering(id, 'accepted');
    const event = { version: '0', 'detail-type': 'image.command', source: 'other', detail: JSON.parse(sent.body) };

    await world.deliver({ body: JSON.stringify(event) });
    await world.deliver(sent);

    expect(world.deadLetters).toEqual([]);
    expect(await told()).toHaveLength(1);
  });

  test('a malformed number of redrives counts as 0', async () => {
    const id = await anImage();
    const sent = answering(id, 'accepted');

    const again = await world.deliver(
      ...['Infinity', '1e200', '-1', 'many'].map((redrives) => ({ ...sent, attributes: { redrives } })),
    );

    expect(again).toEqual([]);
    expect(world.deadLetters.map(({ attributes }) => attributes?.['redrives'])).toEqual(['1', '1', '1', '1']);
  });

  test('an id of another command of the project is refused, an id of another project is not', async () => {
    const id = await anImage('pending');
    await world.deliver(answering(id, 'accepted', { id: 'same' }));

    await world.deliver(answering(id, 'rejected', { id: 'same' }), byAlpha('withdraw-offer', id, { id: 'same' }));

    expect(world.deadLetters.map(({ attributes }) => attributes?.['reason'])).toEqual([
      'The project has used the "id" same for another command; each command must have its own.',
    ]);
    expect(await told()).toHaveLength(2);
  });

  test('the replies to different commands with one id differ in the digest, which their sender can compute', async () => {
    const id = await anImage('pending');
    const sent = ['accepted', 'rejected'].map((status) => answering(id, status, { id: 'told-apart', reply: true }));

    await world.deliver(sent[0]!);
    await world.deliver(sent[1]!);
    await world.deliver(sent[0]!);

    expect(world.replies.map(({ outcome, digest }) => [outcome, digest])).toEqual([
      ['done', digestBySender(sent[0]!.body)],
      ['refused', digestBySender(sent[1]!.body)],
      ['done', digestBySender(sent[0]!.body)],
    ]);
  });

  test('the digest in the documentation is that of the command there', () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'events.md'), 'utf8');
    const [, example = ''] = /```json\n(\{[^`]*"command": "answer-offer"[^`]*)```/.exec(page) ?? [];

    expect(page).toContain(`\`${digestBySender(example)}\``);
    expect(parseCommand(example).digest).toBe(digestBySender(example));
  });

  test.each(['lose the request', 'lose the response', 'end'] as const)(
    'where its function could %s at any of its calls',
    async (fate) => {
      const ids: string[] = [];
      for (let call = 1, isReached = true; isReached; call += 1) {
        const id = await anImage();
        ids.push(id);
        const sent = byAlpha('offer-image', id);
        let calls = 0;
        world.proxy.intercept(() => {
          calls += 1;
          if (fate !== 'end') return calls === call ? fate : undefined;
          return calls < call ? undefined : { status: 400, response: { __type: 'AccessDeniedException' } };
        });
        const again = await world.deliver(sent);
        isReached = calls >= call;
        world.proxy.intercept(undefined);

        await world.deliver(...again, sent);
      }
      await world.notifications.drain();

      expect(world.deadLetters).toEqual([]);
      expect(ids.length).toBeGreaterThan(3);
      expect(
        world.notifications.published
          .filter(({ member }) => member !== undefined)
          .map(({ type, image }) => [type, image.id])
          .sort(),
      ).toEqual(ids.map((id) => ['image.member.create', id]).sort());
    },
  );
});

/** Returns the digest of a command, computed as docs/events.md describes. */
function digestBySender(body: string): string {
  const { version, id, command: name, project, user, image_id, member_id, status = null } = JSON.parse(body);
  const text = JSON.stringify([version, id, name, project, user, image_id, member_id, status]);
  return createHash('sha256').update(text, 'utf8').digest('base64url');
}

test('a refusal whose reply fails is delivered again, and is one dead letter', async () => {
  const sent = answering(await anImage(), 'accepted', { reply: true });
  world.hasBus = false;
  const again = await world.deliver(sent);
  world.hasBus = true;

  await world.deliver(...again);

  expect(again).toEqual([sent]);
  expect([world.deadLetters.length, world.replies.length]).toEqual([1, 1]);
});

test('a message that may succeed later is delivered again', async () => {
  world.remaining = 5400;
  const id = await anImage('pending');
  world.proxy.intercept(() => ({ status: 400, response: { __type: 'ThrottlingException' } }));
  const sent = answering(id, 'accepted');

  const again = await world.deliver(sent);

  expect(again).toEqual([sent]);
  expect(world.deadLetters).toEqual([]);
  expect(world.logged).toEqual([
    expect.objectContaining({ level: 'error', message: 'command failed, will be retried', outcome: 'unavailable' }),
  ]);
});

test('a log line contains the operation, the outcome, the ids and the metrics of a command, and no content', async () => {
  const id = await anImage('pending');

  await world.deliver(answering(id, 'secret', { id: 'named' }));

  expect(world.logged).toEqual([
    {
      level: 'info',
      message: 'command',
      messageId: expect.any(String),
      id: 'named',
      project: 'beta',
      image: id,
      error: 'invalid-member-status',
      coldStart: false,
      lambdaRequestId: expect.any(String),
      traceId: undefined,
      operation: 'answer-offer',
      outcome: 'refused',
      Requests: 1,
      Duration: expect.any(Number),
      ReadUnits: 2,
      WriteUnits: 1,
      _aws: expect.anything(),
    },
  ]);
});

test('a message that is no command shares one operation in the metrics', async () => {
  await world.deliver({ body: '{"command": "secret"}' });

  expect(world.logged).toEqual([expect.objectContaining({ operation: 'invalid-command', outcome: 'refused' })]);
  expect(JSON.stringify(world.logged)).not.toContain('secret');
});

test('a throttled engine executes 100 valid, invalid and duplicate commands correctly', async () => {
  await storm(world, 100);
});
