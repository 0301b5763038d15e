import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../lambda/domain/clock.ts';
import type { ProjectId } from '../../lambda/domain/ids.ts';
import type { Image } from '../../lambda/domain/image.ts';
import type { Membership } from '../../lambda/domain/membership.ts';
import {
  maxStandingAnswers,
  standingStatuses,
  type StandingAnswer,
  type StandingAnswers,
  type StandingStatus,
} from '../../lambda/domain/standing-answer.ts';
import { membershipKey, standingAnswersKey } from '../../lambda/dynamodb/keys.ts';
import type { Item } from '../../lambda/dynamodb/table.ts';
import {
  actor,
  answeredAt,
  offeredAt,
  openRepositories,
  type Adapters,
  type Repositories,
} from './open-repositories.ts';

let repositories: Repositories;
beforeAll(async () => {
  repositories = await openRepositories();
});
afterEach(() => {
  repositories.wire.intercept(undefined);
});
afterAll(() => repositories.close());

const alpha = 'alpha' as ProjectId;
/** Owner ids with a meaning in keys, documents or objects, and the longest ones. */
const ownerIds = [
  'pk',
  'sk',
  'answers',
  '__proto__',
  'constructor',
  'a.b',
  'a[0]',
  '#status',
  ':status',
  'PROJECT#beta',
  'ä"\\ ',
  'x'.repeat(255),
  '𝒟'.repeat(250),
  `${'é'.repeat(245)}${'x'.repeat(10)}`,
] as ProjectId[];

/** Returns a project that no other test uses. */
let projects = 0;
const aProject = (): ProjectId => `project-${(projects += 1)}` as ProjectId;

const standing = (owner: ProjectId, status: StandingStatus = 'accepted'): StandingAnswer => ({
  owner,
  status,
  createdAt: offeredAt,
  updatedAt: answeredAt,
});
const asMap = (answers: readonly StandingAnswer[]) => new Map(answers.map((answer) => [answer.owner, answer]));

/** Replaces the standing answers of a project by these. */
async function decide(project: ProjectId, ...answers: readonly StandingAnswer[]): Promise<void> {
  const { standingAnswers } = repositories;
  const replaced = await standingAnswers.replace(project, await standingAnswers.find(project), answers, actor);
  if (!replaced) throw new Error('The standing answers were not replaced.');
}

const stored = (project: ProjectId): Promise<Item | undefined> => repositories.item(standingAnswersKey(project));

describe('the standing answers of a project', () => {
  test('are none, of version 0, before the first', async () => {
    const found = await repositories.standingAnswers.find(aProject());

    expect(found).toEqual({ version: 0, answers: new Map() });
  });

  test('are found as they were written', async () => {
    const project = aProject();
    const answers = [standing(alpha), standing('gamma' as ProjectId, 'rejected')];

    const replaced = await repositories.standingAnswers.replace(
      project,
      { version: 0, answers: new Map() },
      answers,
      actor,
    );

    expect(replaced).toBe(true);
    expect(await repositories.standingAnswers.find(project)).toEqual({ version: 1, answers: asMap(answers) });
  });

  test('are one item with the actor of the last change', async () => {
    const project = aProject();
    await decide(project, standing(alpha));

    await decide(project, standing(alpha, 'rejected'));

    expect(await stored(project)).toEqual({
      pk: `PROJECT#${project}`,
      sk: 'STANDING',
      format: 1,
      version: 2,
      answers: { 'PROJECT#alpha': { status: 'rejected', created_at: offeredAt, updated_at: answeredAt } },
      updated_by: { project: 'alpha', user: 'alice', via: 'http' },
    });
  });

  test('keep their version if the last one is removed, so that an earlier read stays outdated', async () => {
    const project = aProject();
    await decide(project, standing(alpha));
    const read = await repositories.standingAnswers.find(project);
    await decide(project);

    const replaced = await repositories.standingAnswers.replace(project, read, [standing(alpha)], actor);

    expect(replaced).toBe(false);
    expect(await repositories.standingAnswers.find(project)).toEqual({ version: 2, answers: new Map() });
  });

  test.each(ownerIds)('can be about the owner %j', async (owner) => {
    const project = aProject();
    const other = standing('other' as ProjectId, 'rejected');

    await decide(project, standing(owner), other);

    const found = await repositories.standingAnswers.find(project);
    expect(found.answers).toEqual(asMap([standing(owner), other]));
    await decide(project, other);
    expect((await repositories.standingAnswers.find(project)).answers).toEqual(asMap([other]));
  });

  test('fit the item with the longest ids, at their limit', async () => {
    const project = aProject();
    const owners = Array.from({ length: maxStandingAnswers }, (_, n) => {
      return `${String(n).padStart(3, '0')}${'𝒟'.repeat(249)}` as ProjectId;
    });

    await decide(project, ...owners.map((owner) => standing(owner)));

    const { answers } = await repositories.standingAnswers.find(project);
    expect([...answers.keys()].toSorted()).toEqual(owners);
  });

  const outdated: readonly [string, StandingAnswers][] = [
    ['before the first', { version: 0, answers: new Map() }],
    ['of an earlier version', { version: 1, answers: asMap([standing(alpha)]) }],
    ['of a version that does not exist', { version: 3, answers: new Map() }],
  ];

  test.each(outdated)('are not replaced after a read %s', async (_what, before) => {
    const project = aProject();
    await decide(project, standing(alpha));
    await decide(project, standing(alpha, 'rejected'));
    const item = await stored(project);

    const replaced = await repositories.standingAnswers.replace(project, before, [standing(alpha)], actor);

    expect(replaced).toBe(false);
    expect(await stored(project)).toEqual(item);
  });

  test('of concurrent replacements after the same read one is applied', async () => {
    const project = aProject();
    for (let version = 0; version < 10; version += 1) {
      const before = await repositories.standingAnswers.find(project);
      const owners = ['one', 'two', 'three', 'four'] as ProjectId[];

      const replaced = await Promise.all(
        owners.map((owner) => repositories.standingAnswers.replace(project, before, [standing(owner)], actor)),
      );

      const { version: after, answers } = await repositories.standingAnswers.find(project);
      expect(replaced.filter(Boolean)).toEqual([true]);
      expect(after).toBe(version + 1);
      expect([...answers.keys()]).toEqual([owners[replaced.indexOf(true)]]);
    }
  });

  test('are no item of the published kinds, and no membership in a list', async () => {
    const project = aProject();
    await decide(project, standing(alpha));

    const { candidates } = await repositories.lists.candidates(
      [{ kind: 'offered', project, status: 'all', hidden: false, owner: undefined, visibilities: undefined }],
      'desc',
      undefined,
      10,
    );

    expect(candidates).toEqual([]);
  });
});

describe('an offer', () => {
  const offer = (
    image: Image,
    memberId: ProjectId,
    standingAnswer: StandingStatus | undefined,
    { memberships }: Pick<Adapters, 'memberships'> = repositories,
  ): Promise<Membership | undefined> =>
    memberships.offer({
      image,
      memberId,
      quota: 128,
      expiresAt: undefined,
      standingAnswer,
      at: offeredAt,
      actor,
    });

  test.each(standingStatuses)('has the status %s of the standing answer, and is answered by it', async (status) => {
    const project = aProject();
    const image = await repositories.image();
    await decide(project, standing(alpha, status));

    const offered = await offer(image, project, status);

    const key = `shared#${image.createdAt}#${image.id}`;
    expect(offered).toEqual({
      id: expect.any(String),
      imageId: image.id,
      memberId: project,
      status,
      createdAt: offeredAt,
      updatedAt: offeredAt,
      offeredBy: 'alpha',
      answeredAt: offeredAt,
      expiresAt: undefined,
    });
    expect((await repositories.read(image.id, project)).membership).toEqual(offered);
    expect(await repositories.item(membershipKey(project, image.id))).toMatchObject({
      status,
      standing_answer: true,
      answered_at: offeredAt,
      // The actor of the offer is its owner, whoever decided on it.
      updated_by: { project: 'alpha', user: 'alice', via: 'http' },
      [status === 'accepted' ? 'listed' : 'rejected']: key,
      list_key: key,
    });
    expect(await repositories.item(membershipKey(project, image.id))).not.toHaveProperty('pending');
  });

  test('is applied to a project with a standing answer for each owner id', async () => {
    for (const owner of ownerIds) {
      const project = aProject();
      const image = await repositories.image({ owner });
      await decide(project, standing(owner), standing('other' as ProjectId, 'rejected'));

      const { standingAnswers } = await repositories.images.findForOffer(image.id, project, [owner]);
      const offered = await offer(image, project, standingAnswers.answers.get(owner)?.status);

      expect(offered?.status).toBe('accepted');
    }
  });

  type Meanwhile = readonly [what: string, answers: readonly StandingAnswer[]];
  const meanwhile: readonly Meanwhile[] = [
    ['is changed', [standing(alpha, 'rejected')]],
    ['is removed', []],
    ['is replaced by one for another owner', [standing('gamma' as ProjectId)]],
  ];

  test.each(meanwhile)('is not applied if the standing answer %s after its read', async (_what, answers) => {
    const project = aProject();
    const image = await repositories.image();
    await decide(project, standing(alpha));
    await decide(project, ...answers);

    const offered = await offer(image, project, 'accepted');

    expect(offered).toBeUndefined();
    expect(await repositories.read(image.id, project)).toEqual({ image, membership: undefined });
  });

  test('is not applied with a standing answer that the project never gave', async () => {
    const project = aProject();
    const image = await repositories.image();

    const offered = await offer(image, project, 'accepted');

    expect(offered).toBeUndefined();
    expect(await repositories.read(image.id, project)).toEqual({ image, membership: undefined });
  });

  test('is not applied if the standing answer changes immediately before its transaction', async () => {
    const project = aProject();
    const image = await repositories.image();
    await decide(project, standing(alpha));
    repositories.wire.intercept(async ({ action }) => {
      if (action !== 'TransactWriteItems') return undefined;
      repositories.wire.intercept(undefined);
      await decide(project, standing(alpha, 'rejected'));
      return undefined;
    });

    const offered = await offer(image, project, 'accepted', repositories.wired);

    expect(offered).toBeUndefined();
    expect((await repositories.read(image.id)).image?.memberCount).toBe(0);
  });

  test('is applied if only the standing answer to another owner changes', async () => {
    const project = aProject();
    const image = await repositories.image();
    await decide(project, standing(alpha));
    await decide(project, standing(alpha), standing('gamma' as ProjectId, 'rejected'));

    const offered = await offer(image, project, 'accepted');

    expect(offered?.status).toBe('accepted');
  });
});

describe('find for an offer', () => {
  const beta = 'beta' as ProjectId;
  const ended = '2026-11-23T13:00:00Z' as Timestamp;

  test('finds the image, the memberships and the standing answers in one round trip', async () => {
    const project = aProject();
    const image = await repositories.image();
    await repositories.share(image, 'beta');
    await decide(project, standing(alpha));

    const { result, calls } = await repositories.wire.record(() =>
      repositories.wired.images.findForOffer(image.id, project, [alpha, beta]),
    );

    expect(result).toEqual({
      sharing: {
        imageId: image.id,
        image: { ...image, memberCount: 1 },
        memberships: new Map([['beta', expect.objectContaining({ status: 'pending' })]]),
      },
      standingAnswers: { version: 1, answers: asMap([standing(alpha)]) },
      isExpired: false,
    });
    expect(calls.map(({ action }) => action)).toEqual(['BatchGetItem']);
  });

  test('tells a membership whose end has passed from a withdrawn and a living one', async () => {
    const image = await repositories.image();
    const offer = (memberId: ProjectId, expiresAt: Timestamp) =>
      repositories.memberships.offer({
        image,
        memberId,
        quota: -1,
        expiresAt,
        standingAnswer: undefined,
        at: offeredAt,
        actor,
      });
    const [past, living, withdrawn, none] = [aProject(), aProject(), aProject(), aProject()];
    await offer(past, ended);
    await offer(living, '2026-11-23T13:00:01Z' as Timestamp);
    await offer(withdrawn, ended);
    await repositories.memberships.expire({ imageId: image.id, memberId: withdrawn, at: new Date(ended) });

    const found = [];
    for (const project of [past, living, withdrawn, none]) {
      const { isExpired, sharing } = await repositories.images.findForOffer(image.id, project, [alpha]);
      found.push([isExpired, sharing.memberships.has(project)]);
    }

    expect(found).toEqual([
      [true, false],
      [false, true],
      [false, false],
      [false, false],
    ]);
  });
});

describe('the search for members whose end has passed', () => {
  const offerUntil = (image: Image, memberId: string, expiresAt: string | undefined) =>
    repositories.memberships.offer({
      image,
      memberId: memberId as ProjectId,
      quota: -1,
      expiresAt: expiresAt as Timestamp | undefined,
      standingAnswer: undefined,
      at: offeredAt,
      actor,
    });

  test('finds at most the requested number of them, and no others', async () => {
    const { images, memberships, image: create } = repositories;
    const image = await create();
    await offerUntil(image, 'b', '2026-11-23T12:59:00Z');
    await offerUntil(image, 'c', '2026-11-23T13:00:00Z');
    await offerUntil(image, 'd', '2026-11-23T13:00:01Z');
    await offerUntil(image, 'e', undefined);
    await offerUntil(image, 'f', '2026-11-23T12:45:00Z');

    const found = [await images.findExpired(image.id, 10), await images.findExpired(image.id, 2)];

    expect(found).toEqual([
      ['b', 'c', 'f'],
      ['b', 'c'],
    ]);
    await memberships.expire({ imageId: image.id, memberId: 'b' as ProjectId, at: new Date('2026-11-23T13:00:00Z') });
    expect(await images.findExpired(image.id, 1)).toEqual(['c']);
  });

  test('ends after four pages of the image, however many members it has', async () => {
    const image = await repositories.image();
    for (const memberId of ['a', 'b', 'c', 'd', 'e']) await offerUntil(image, memberId, undefined);
    await offerUntil(image, 'f', '2026-11-23T12:45:00Z');
    // A page of one item stands for a page of a megabyte.
    repositories.wire.intercept(({ request }) => ({ request: { ...request, Limit: 1 } }));

    const { result, calls } = await repositories.wire.record(() => repositories.wired.images.findExpired(image.id, 1));

    expect(result).toEqual([]);
    expect(calls.map(({ action }) => action)).toEqual(['Query', 'Query', 'Query', 'Query']);
  });
});
