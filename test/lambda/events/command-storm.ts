import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { seedImages } from '../../support/seed.ts';
import { command, type CommandWorld, type Message } from './command-world.ts';
import { randomNumbers } from '../../support/random-numbers.ts';

/**
 * Delivers commands in random order and in parallel batches, a tenth of them invalid and a tenth duplicated. The engine
 * throttles a tenth of all calls and fails many calls in a row. Then it checks the published changes and the dead letters.
 *
 * @param count - number of commands, a multiple of ten
 */
export async function storm(world: CommandWorld, count: number): Promise<void> {
  const chance = randomNumbers(6);
  const perImage = 60;
  const images = await seedImages(world.table, {
    owner: 'alpha',
    count: Math.ceil(count / perImage),
    members: Array.from({ length: perImage }, (_, n) => ({ project: `member-${n}`, status: 'pending' })),
  });
  await world.notifications.drain();
  world.notifications.published.length = 0;

  const wanted: Record<string, string> = {};
  const poison = new Map<string, string>();
  const messages: Message[] = Array.from({ length: count }, (_, n) => {
    const { id: image_id } = images[Math.floor(n / perImage)]!;
    const member_id = `member-${n % perImage}`;
    if (n % 10 === 9) {
      const [body, error] = poisons(image_id)[Math.floor(n / 10) % 5]!;
      poison.set(body, error);
      return { body };
    }
    const key = `${image_id} ${member_id}`;
    switch (n % 3) {
      case 0:
        wanted[`${image_id} new-${n}`] = 'image.member.create pending';
        return command({ command: 'offer-image', project: 'alpha', image_id, member_id: `new-${n}` });
      case 1:
        wanted[key] = 'image.member.update accepted';
        return command({ command: 'answer-offer', project: member_id, image_id, member_id, status: 'accepted' });
      default:
        wanted[key] = 'image.member.delete ';
        return command({ command: 'withdraw-offer', project: 'alpha', image_id, member_id });
    }
  });
  const twice = messages.filter((_, n) => n % 10 === 4);
  const waiting = [...messages, ...twice]
    .map((message) => ({ message, place: chance() }))
    .sort((a, b) => a.place - b.place)
    .map(({ message }) => message);
  // Sometimes 30 calls in a row fail, as if all functions ended at once: about one percent of all calls.
  let dead = 0;
  world.proxy.intercept(() => {
    if (dead === 0 && chance() < 0.0005) dead = 30;
    if (dead > 0) {
      dead -= 1;
      return { status: 400, response: { __type: 'AccessDeniedException' } };
    }
    return chance() < 0.1 ? { status: 400, response: { __type: 'ProvisionedThroughputExceededException' } } : undefined;
  });

  // Some functions end before they respond: the batch is applied and delivered again.
  const deliver = async (): Promise<void> => {
    for (let batch = waiting.splice(0, 10); batch.length > 0; batch = waiting.splice(0, 10)) {
      const again = await world.deliver(...batch);
      waiting.push(...(chance() < 0.05 ? batch : again));
    }
  };
  await Promise.all([deliver(), deliver()]);
  world.proxy.intercept(undefined);
  await world.notifications.drain();

  const told = world.notifications.published.filter(({ member, by }) => member !== undefined && by.via === 'command');
  const acted = told.map(({ image, member, type, after }): [string, string] => [
    `${image.id} ${member!.id}`,
    `${type} ${(after as { status?: string } | null)?.status ?? ''}`,
  ]);
  expect(acted.length).toBe(Object.keys(wanted).length);
  expect(Object.fromEntries(acted)).toEqual(wanted);
  expect(new Map(world.deadLetters.map(({ body, attributes }) => [body, attributes!['error']]))).toEqual(poison);
}

/** Returns messages that are refused permanently, each with its error code. */
const poisons = (image_id: string): readonly (readonly [string, string])[] => [
  [`no JSON ${randomUUID()}`, 'invalid-request'],
  [
    command({ command: 'offer-image', project: 'alpha', image_id, member_id: 'x', force: true }).body,
    'invalid-request',
  ],
  [
    command({ command: 'answer-offer', project: 'stranger', image_id, member_id: 'stranger', status: 'accepted' }).body,
    'image-not-found',
  ],
  [
    command({ command: 'withdraw-offer', project: 'alpha', image_id: randomUUID(), member_id: 'x' }).body,
    'image-not-found',
  ],
  [command({ command: 'withdraw-offer', project: 'alpha', image_id, member_id: 'nobody' }).body, 'member-not-found'],
];
