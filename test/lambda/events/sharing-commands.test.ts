import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { membershipKey } from '../../../lambda/dynamodb/keys.ts';
import type { ImageId, ProjectId } from '../../../lambda/domain/ids.ts';
import { seedImage } from '../../support/seed.ts';
import { isWrite } from '../../promises/world.ts';
import { itemAt } from '../../promises/world.ts';
import { command, type CommandWorld, type Message, openCommandWorld } from './command-world.ts';

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

const end = '2999-12-31T23:59:59Z';
const anImage = async (...members: string[]): Promise<string> =>
  (
    await seedImage(world.table, {
      owner: 'alpha',
      members: members.map((project) => ({ project, status: 'pending' as const })),
    })
  ).id;
const byAlpha = (verb: string, fields: object): Message => command({ command: verb, project: 'alpha', ...fields });
const byBeta = (verb: string, fields: object): Message => command({ command: verb, project: 'beta', ...fields });
const offersOf = (image: string, ...members: string[]) =>
  members.map((member) => ({ image_id: image, member_id: member }));
const statusOf = async (image: string, member: string): Promise<unknown> =>
  (await itemAt(world.table, membershipKey(member as ProjectId, image as ImageId)))?.['status'];

/** Returns the types of the notifications of memberships since the start of the test, with their states after it. */
async function published(): Promise<readonly unknown[]> {
  await world.notifications.drain();
  return world.notifications.published
    .filter(({ by }) => by.via === 'command')
    .map(({ type, member, after }) => [type, member?.id, after]);
}

describe('a command does what the request does', () => {
  test('a standing answer is set, decides on an offer, and is removed', async () => {
    const [first, second] = [await anImage(), await anImage()];

    await world.deliver(byBeta('set-standing-answer', { owner: 'alpha', status: 'accepted' }));
    await world.deliver(byAlpha('offer-image', { image_id: first, member_id: 'beta' }));
    await world.deliver(byBeta('remove-standing-answer', { owner: 'alpha' }));
    await world.deliver(byAlpha('offer-image', { image_id: second, member_id: 'beta' }));

    expect(world.deadLetters).toEqual([]);
    expect([await statusOf(first, 'beta'), await statusOf(second, 'beta')]).toEqual(['accepted', 'pending']);
  });

  test('an offer with an end is prolonged, and left by its member', async () => {
    const id = await anImage();

    await world.deliver(byAlpha('offer-image', { image_id: id, member_id: 'beta', expires_at: end }));
    await world.deliver(byAlpha('change-expiry', { image_id: id, member_id: 'beta', expires_at: null }));
    await world.deliver(byBeta('leave-image', { image_id: id }));

    expect(world.deadLetters).toEqual([]);
    expect(await published()).toEqual([
      ['image.member.create', 'beta', { status: 'pending', expires_at: end }],
      ['image.member.update', 'beta', { status: 'pending' }],
      ['image.member.delete', 'beta', null],
    ]);
  });

  test.each<[string, string, object, string]>([
    [
      'a standing answer for the own project',
      'set-standing-answer',
      { owner: 'beta', status: 'accepted' },
      'invalid-request',
    ],
    [
      'a standing answer of status pending',
      'set-standing-answer',
      { owner: 'alpha', status: 'pending' },
      'invalid-request',
    ],
    ['for an owner that no project can be', 'remove-standing-answer', { owner: 'a/b' }, 'invalid-request'],
    ['the removal of nothing', 'remove-standing-answer', { owner: 'nobody' }, 'standing-answer-not-found'],
    ['an end in the past', 'change-expiry', { member_id: 'beta', expires_at: '2020-01-01T00:00:00Z' }, 'not-permitted'],
    ['of another member', 'change-expiry', { member_id: 'gamma', expires_at: null }, 'member-not-found'],
    ['of an image that is no image', 'leave-image', { image_id: 'x' }, 'image-not-found'],
  ])('it is refused: %s', async (_title, verb, fields, error) => {
    const image = verb === 'change-expiry' || verb === 'leave-image' ? { image_id: await anImage('beta') } : {};

    await world.deliver(byBeta(verb, { ...image, ...fields }));

    expect(world.deadLetters.map(({ attributes }) => attributes?.['error'])).toEqual([error]);
    expect(await published()).toEqual([]);
  });

  test.each<[string, string, object]>([
    ['a field of another command', 'leave-image', { image_id: 'x', member_id: 'beta' }],
    ['no owner', 'set-standing-answer', { status: 'accepted' }],
    ['no offers', 'offer-images', { offers: [] }],
    ['101 offers', 'offer-images', { offers: offersOf('x', ...Array.from({ length: 101 }, (_, n) => `m${n}`)) }],
    ['an unknown field of an offer', 'offer-images', { offers: [{ image_id: 'x', member_id: 'y', status: 'z' }] }],
    ['two offers of one membership', 'offer-images', { offers: offersOf('x', 'beta', 'beta') }],
    ['an offer with half a surrogate pair', 'offer-images', { offers: offersOf('x', '\ud800') }],
    ['an end that is a number', 'offer-image', { image_id: 'x', member_id: 'beta', expires_at: 1 }],
  ])('it is malformed with %s', async (_title, verb, fields) => {
    await world.deliver(byBeta(verb, fields));

    expect(world.deadLetters.map(({ attributes }) => attributes?.['error'])).toEqual(['invalid-request']);
  });
});

describe('several offers in one command', () => {
  const bulk = (offers: readonly object[], more: object = {}) =>
    byAlpha('offer-images', { offers, reply: true, ...more });

  test('are made, each with its outcome in the reply', async () => {
    const [image, other] = [await anImage('gamma'), await anImage()];

    await world.deliver(
      bulk([...offersOf(image, 'beta', 'gamma'), { image_id: other, member_id: 'beta', expires_at: end }]),
    );

    const refusal = { outcome: 'refused', error: 'member-exists', message: expect.stringContaining('gamma') };
    expect(world.replies).toEqual([
      {
        version: 1,
        id: expect.any(String),
        digest: expect.any(String),
        project: 'alpha',
        command: 'offer-images',
        outcome: 'refused',
        error: 'member-exists',
        message: expect.stringMatching(/^1 of 3 offers were refused; the first because: Project gamma/),
        results: [{ outcome: 'done' }, refusal, { outcome: 'done' }],
      },
    ]);
    expect(await published()).toEqual(
      expect.arrayContaining([
        ['image.member.create', 'beta', { status: 'pending' }],
        ['image.member.create', 'beta', { status: 'pending', expires_at: end }],
      ]),
    );
  });

  test('act once, however often the command is delivered, also after a withdrawal', async () => {
    const image = await anImage();
    const sent = bulk(offersOf(image, 'beta', 'gamma'));
    await Promise.all([world.deliver(sent, sent), world.deliver(sent)]);
    await world.deliver(sent);
    await world.deliver(byAlpha('withdraw-offer', { image_id: image, member_id: 'beta' }));

    await world.deliver(sent);

    expect([await statusOf(image, 'beta'), await statusOf(image, 'gamma')]).toEqual([undefined, 'pending']);
    expect(new Set(world.replies.map((reply) => JSON.stringify(reply.results)))).toEqual(
      new Set([JSON.stringify([{ outcome: 'done' }, { outcome: 'done' }])]),
    );
    expect(await published()).toHaveLength(3);
  });

  test('continue after a redrive with those that were refused', async () => {
    const image = await anImage('gamma');
    await world.deliver(bulk(offersOf(image, 'beta', 'gamma')));
    await world.deliver(byAlpha('withdraw-offer', { image_id: image, member_id: 'gamma' }));
    await world.deliver(byAlpha('withdraw-offer', { image_id: image, member_id: 'beta' }));

    await world.deliver(world.deadLetters[0]!);

    expect(world.replies.map(({ outcome }) => outcome)).toEqual(['refused', 'done']);
    expect([await statusOf(image, 'beta'), await statusOf(image, 'gamma')]).toEqual([undefined, 'pending']);
  });

  test('have no effect with an id that the project has used for another command', async () => {
    const image = await anImage('delta');
    await world.deliver(byAlpha('withdraw-offer', { image_id: image, member_id: 'delta', id: 'used' }));

    await world.deliver(bulk(offersOf(image, 'beta'), { id: 'used' }));
    await world.deliver(bulk(offersOf(image, 'beta'), { id: 'bulk' }));
    await world.deliver(bulk(offersOf(image, 'gamma'), { id: 'bulk' }));

    expect(world.replies.map(({ outcome }) => outcome)).toEqual(['refused', 'done', 'refused']);
    expect([await statusOf(image, 'beta'), await statusOf(image, 'gamma')]).toEqual(['pending', undefined]);
  });

  test('refuse another command with their id, also before all of them are made', async () => {
    const image = await anImage();
    const sent = bulk(offersOf(image, 'beta'), { id: 'begun' });
    world.proxy.intercept((call) =>
      call.action === 'TransactWriteItems' ? { status: 400, response: { __type: 'AccessDeniedException' } } : undefined,
    );
    await world.deliver(sent);
    world.proxy.intercept(undefined);
    const other = byAlpha('offer-image', { image_id: image, member_id: 'gamma', id: 'begun' });

    const again = await world.deliver(other);

    expect(again).toEqual([]);
    expect(world.deadLetters).toEqual([
      { body: other.body, attributes: expect.objectContaining({ error: 'invalid-request' }) },
    ]);
    expect(await world.deliver(sent)).toEqual([]);
    expect([await statusOf(image, 'beta'), await statusOf(image, 'gamma')]).toEqual(['pending', undefined]);
  });

  test.each(['lose the request', 'lose the response', 'end'] as const)(
    'where the function could %s at any of its calls, all are made once by the next delivery',
    async (fate) => {
      for (let call = 1, isReached = true; isReached; call += 1) {
        const image = await anImage();
        const sent = bulk(offersOf(image, 'beta', 'gamma'));
        let calls = 0;
        world.proxy.intercept(() => {
          calls += 1;
          if (fate !== 'end') return calls === call ? fate : undefined;
          return calls < call ? undefined : { status: 400, response: { __type: 'AccessDeniedException' } };
        });
        const again = await world.deliver(sent);
        world.proxy.intercept(undefined);
        isReached = calls >= call;

        for (let tries = 0, remaining = again; remaining.length > 0 && tries < 3; tries += 1)
          remaining = await world.deliver(...remaining);

        expect([await statusOf(image, 'beta'), await statusOf(image, 'gamma')]).toEqual(['pending', 'pending']);
        await world.notifications.drain();
        const made = world.notifications.published.filter(
          (each) => each.image.id === image && each.type.includes('member'),
        );
        expect(new Set(made.map(({ id }) => id)).size).toBe(2);
      }
    },
    60_000,
  );

  test('that have not started at the deadline are made by the next delivery', async () => {
    const image = await anImage();
    const sent = bulk(offersOf(image, 'beta', 'gamma', 'delta'));
    // The first delivery has 400 ms.
    world.remaining = 5400;
    world.proxy.intercept(async (call) => {
      if (!isWrite(call)) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 250));
      return undefined;
    });
    const again = await world.deliver(sent);
    world.proxy.intercept(undefined);
    world.remaining = 15_000;
    const half = await Promise.all(['beta', 'gamma', 'delta'].map((member) => statusOf(image, member)));

    await world.deliver(...again);

    expect(again).toEqual([sent]);
    expect(half).toContain(undefined);
    expect(await Promise.all(['beta', 'gamma', 'delta'].map((member) => statusOf(image, member)))).toEqual(
      Array(3).fill('pending'),
    );
    expect(world.replies.map(({ outcome }) => outcome)).toEqual(['done']);
  });
});

test('the digest of a command with newer fields continues the array, as the documentation says', async () => {
  const sent = command({
    command: 'offer-images',
    project: 'alpha',
    id: 'digest',
    reply: true,
    offers: [{ image_id: 'x', member_id: 'beta' }],
  });
  const array = [1, 'digest', 'offer-images', 'alpha', 'robot', null, null, null, null, null, [['x', 'beta', null]]];

  await world.deliver(sent);

  const digest = createHash('sha256').update(JSON.stringify(array)).digest('base64url');
  expect(world.replies.map((reply) => reply.digest)).toEqual([digest]);
});
