import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../lambda/domain/clock.ts';
import type { HistoryEntry, ImageEntry, MembershipEntry } from '../../lambda/domain/history/history-entry.ts';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import { historyEntryKey, memberHistoryKey, pastMemberKey } from '../../lambda/dynamodb/keys.ts';
import { anImage } from '../lambda/domain/an-image.ts';
import { actor, historyDays, offeredAt, openRepositories, type Repositories } from './open-repositories.ts';

let repositories: Repositories;
beforeAll(async () => {
  repositories = await openRepositories();
});
afterAll(() => repositories.close());
afterEach(() => {
  repositories.wire.intercept(undefined);
});

const beta = 'beta' as ProjectId;
const gamma = 'gamma' as ProjectId;
const newId = () => randomUUID() as ImageId;
const minute = (minutes: number) => `2026-11-23T12:${String(minutes).padStart(2, '0')}:00Z` as Timestamp;
const state = (status: 'pending' | 'accepted' | 'rejected') => ({ status, expiresAt: undefined });

const membershipEntry = (imageId: ImageId, fields: Partial<MembershipEntry> = {}): MembershipEntry => ({
  kind: 'membership',
  imageId,
  memberId: beta,
  subject: 'membership-1',
  sequence: 7,
  time: minute(1),
  actor,
  before: undefined,
  after: state('pending'),
  ...fields,
});
const imageEntry = (imageId: ImageId, fields: Partial<ImageEntry> = {}): ImageEntry => ({
  kind: 'image',
  imageId,
  subject: imageId,
  sequence: 1,
  time: minute(0),
  actor: { projectId: gamma, userId: 'g', via: 'command', requestId: 'req-1' },
  before: undefined,
  after: { visibility: 'shared', owner: gamma },
  ...fields,
});

/** The changes of an image that is created, offered to beta and gamma, accepted by beta, made private and withdrawn. */
const story = (imageId: ImageId): readonly HistoryEntry[] => [
  imageEntry(imageId),
  membershipEntry(imageId),
  membershipEntry(imageId, { memberId: gamma, subject: 'membership-2', time: minute(2) }),
  membershipEntry(imageId, { sequence: 8, time: minute(3), before: state('pending'), after: state('accepted') }),
  imageEntry(imageId, {
    sequence: 2,
    time: minute(4),
    before: { visibility: 'shared', owner: gamma },
    after: { visibility: 'private', owner: gamma },
  }),
  membershipEntry(imageId, { sequence: 9, time: minute(5), before: state('accepted'), after: undefined }),
];

const recorded = async (entriesOf = story): Promise<{ imageId: ImageId; entries: readonly HistoryEntry[] }> => {
  const imageId = newId();
  const entries = entriesOf(imageId);
  await repositories.history.record(entries);
  return { imageId, entries };
};

describe('entries', () => {
  test('are found newest first, all of an image or those of one project', async () => {
    const { history } = repositories;
    const { imageId, entries } = await recorded();

    const found = await history.findEntries(imageId, undefined, undefined, 100);
    const ofBeta = await history.findEntries(imageId, beta, undefined, 100);

    expect(found).toEqual(entries.toReversed());
    expect(ofBeta).toEqual([entries[5], entries[3], entries[1]]);
  });

  test('are the same however often and in whatever batches they are recorded', async () => {
    const { history } = repositories;
    const { imageId, entries } = await recorded();

    const unrecorded = await history.record([...entries, ...entries.slice(2), ...entries.slice(0, 3)]);

    expect(unrecorded).toEqual([]);
    expect(await history.findEntries(imageId, undefined, undefined, 100)).toEqual(entries.toReversed());
    expect(await history.findEntries(imageId, beta, undefined, 100)).toHaveLength(3);
  });

  test.each([undefined, beta])('of %s continue after the position of any entry', async (memberId) => {
    const { history } = repositories;
    const { imageId } = await recorded();
    const all = await history.findEntries(imageId, memberId, undefined, 100);

    const walked = [];
    for (let page = await history.findEntries(imageId, memberId, undefined, 1); page.length > 0;) {
      walked.push(...page);
      page = await history.findEntries(imageId, memberId, page.at(-1), 1);
    }

    expect(walked).toEqual(all);
  });

  test('continue after a position that has no entry', async () => {
    const { history } = repositories;
    const { imageId, entries } = await recorded();
    const position = { time: minute(3), sequence: 0, subject: 'none' };

    const found = await history.findEntries(imageId, undefined, position, 100);

    expect(found).toEqual(entries.slice(0, 3).toReversed());
  });

  test('of one second are in the order of their sequence', async () => {
    const { history } = repositories;
    const sequences = [9, 10, 11, 100, 1_700_000_000_001];
    const { imageId } = await recorded((id) => sequences.map((sequence) => membershipEntry(id, { sequence })));

    const found = await history.findEntries(imageId, beta, undefined, 100);

    expect(found.map(({ sequence }) => sequence)).toEqual(sequences.toReversed());
  });

  test('of other images and of projects whose ids look like keys are left out', async () => {
    const { history } = repositories;
    const strange = ['', '#', 'MEMBER#beta', '#beta', 'beta#', '~', '名前', '𝒟'].filter(
      (id) => id !== '',
    ) as ProjectId[];
    const { imageId } = await recorded((id) =>
      strange.map((memberId, n) => membershipEntry(id, { memberId, subject: `membership-${n}` })),
    );

    const found = await Promise.all(strange.map((id) => history.findEntries(imageId, id, undefined, 100)));

    expect(found.map((entries) => entries.map((entry) => entry.kind === 'membership' && entry.memberId))).toEqual(
      strange.map((id) => [id]),
    );
    expect(await history.findEntries(imageId, beta, undefined, 100)).toEqual([]);
    expect(await history.findEntries(newId(), undefined, undefined, 100)).toEqual([]);
  });

  test('of hundreds of changes are recorded in calls of 25 items', async () => {
    const { wired, wire, history } = repositories;
    const imageId = newId();
    const entries = Array.from({ length: 100 }, (_, n) => membershipEntry(imageId, { sequence: n }));

    const { calls } = await wire.record(() => wired.history.record(entries));

    const sizes = calls.map(({ request }) => Object.values<unknown[]>(request['RequestItems'])[0]!.length);
    expect(calls.map(({ action }) => action)).toEqual(Array(9).fill('BatchWriteItem'));
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, ...Array<number>(8).fill(25)]);
    expect(await history.findEntries(imageId, undefined, undefined, 1000)).toHaveLength(100);
  });

  test('expire after the retention, and the past member 30 days later', async () => {
    const { item } = repositories;
    const { imageId } = await recorded((id) => [membershipEntry(id)]);
    const entry = membershipEntry(imageId);
    const day = 24 * 3600;
    const changedAt = Date.parse(entry.time) / 1000;

    const items = await Promise.all(
      [historyEntryKey(imageId, entry), memberHistoryKey(imageId, beta, entry), pastMemberKey(imageId, beta)].map(item),
    );

    expect(items.map((each) => each?.['expires_at'])).toEqual([
      changedAt + historyDays * day,
      changedAt + historyDays * day,
      changedAt + (historyDays + 30) * day,
    ]);
  });
});

describe('a batch that the table does not take at once', () => {
  test('is sent again without the items that were put', async () => {
    const { wired, wire, history } = repositories;
    const imageId = newId();
    let times = 0;
    wire.intercept(({ action, request }) => {
      if (action !== 'BatchWriteItem' || (times += 1) > 2) return undefined;
      const [[name, writes] = ['', []]] = Object.entries<unknown[]>(request['RequestItems']);
      const half = Math.ceil(writes.length / 2);
      return {
        request: { ...request, RequestItems: { [name]: writes.slice(0, half) } },
        amend: (response) => ({ ...response, UnprocessedItems: { [name]: writes.slice(half) } }),
      };
    });

    const { result, calls } = await wire.record(() => wired.history.record(story(imageId)));

    const sizes = calls.map(({ request }) => Object.values<unknown[]>(request['RequestItems'])[0]!.length);
    expect([result, sizes]).toEqual([[], [7, 4, 3]]);
    expect(await history.findEntries(imageId, undefined, undefined, 100)).toEqual(story(imageId).toReversed());
  });

  test('is sent again after an error that leaves open if its items were put', async () => {
    const { wired, wire, history } = repositories;
    const imageId = newId();
    let times = 0;
    const failed = { status: 500, response: { __type: 'InternalServerError', message: 'unknown' } };
    wire.intercept(() => ((times += 1) === 1 ? { afterwards: () => Promise.resolve(failed) } : undefined));

    const unrecorded = await wired.history.record(story(imageId));

    expect(unrecorded).toEqual([]);
    expect(await history.findEntries(imageId, undefined, undefined, 100)).toEqual(story(imageId).toReversed());
  });

  test('because the history of one image is full: the entries of the other images are recorded', async () => {
    const { wired, wire, history } = repositories;
    const [full, other] = [newId(), newId()];
    wire.intercept(({ request }) =>
      JSON.stringify(request).includes(full)
        ? {
            status: 400,
            response: {
              __type: 'com.amazonaws.dynamodb.v20120810#ItemCollectionSizeLimitExceededException',
              message: 'Item collection size limit of 10 gigabytes exceeded.',
            },
          }
        : undefined,
    );

    const unrecorded = await wired.history.record([...story(other), ...story(full)]);

    expect(unrecorded).toEqual(story(full));
    expect(await history.findEntries(other, undefined, undefined, 100)).toEqual(story(other).toReversed());
    expect(await history.findEntries(other, beta, undefined, 100)).toHaveLength(3);
  });
});

describe('the first entry after a time', () => {
  test.each([
    ['before all entries', '2026-11-23T11:59:59Z', 0],
    ['of an entry', minute(0), 4],
    ['between entries', minute(2), 4],
    ['of the last entry', minute(4), undefined],
  ])('of an image: at the time %s', async (_what, time, index) => {
    const { history } = repositories;
    const { imageId, entries } = await recorded();

    const found = await history.findImageEntryAfter(imageId, time as Timestamp);

    expect(found).toEqual(index === undefined ? undefined : entries[index]);
  });

  test('of several projects is found for those that have one', async () => {
    const { history } = repositories;
    const { imageId, entries } = await recorded();

    const found = await history.findMemberEntriesAfter(imageId, [beta, gamma, 'delta' as ProjectId], minute(2));

    expect([...found]).toEqual([[beta, entries[3]]]);
  });

  test('of a hundred projects costs a query for each, fifty at a time', async () => {
    const { wired, wire } = repositories;
    const projects = Array.from({ length: 100 }, (_, n) => `project-${n}` as ProjectId);

    const { result, calls } = await wire.record(() =>
      wired.history.findMemberEntriesAfter(newId(), projects, minute(2)),
    );

    expect(result.size).toBe(0);
    expect(calls.map(({ action }) => action)).toEqual(Array(100).fill('Query'));
  });
});

describe('the projects of a history', () => {
  test('are the members now and the past members, by id, each once', async () => {
    const { history, image, share } = repositories;
    const shared = await image();
    for (const member of ['beta', 'delta', 'zeta']) await share(shared, member);
    await history.record(
      ['alpha', 'beta', 'gamma'].map((memberId) =>
        membershipEntry(shared.id, { memberId: memberId as ProjectId, subject: memberId }),
      ),
    );

    const all = await history.findProjects(shared.id, undefined, 100);
    const first = await history.findProjects(shared.id, undefined, 2);
    const next = await history.findProjects(shared.id, first.at(-1), 2);
    const last = await history.findProjects(shared.id, next.at(-1), 2);

    expect(all).toEqual(['alpha', 'beta', 'delta', 'gamma', 'zeta']);
    expect([first, next, last]).toEqual([['alpha', 'beta'], ['delta', 'gamma'], ['zeta']]);
  });

  test('are in the order of the table, also for characters beyond the basic plane', async () => {
    const { history, image, share } = repositories;
    const shared = await image();
    await share(shared, '\u{1d49f}');
    await history.record([membershipEntry(shared.id, { memberId: '\uff5e' as ProjectId })]);

    const first = await history.findProjects(shared.id, undefined, 1);
    const second = await history.findProjects(shared.id, first[0], 1);

    expect([...first, ...second]).toEqual(['\uff5e', '\u{1d49f}']);
  });

  test('do not depend on answers, which leave no further item', async () => {
    const { history } = repositories;
    const answers = (imageId: ImageId) =>
      [2, 3, 4].map((sequence) =>
        membershipEntry(imageId, { sequence, before: state('pending'), after: state('accepted') }),
      );
    const { imageId } = await recorded(answers);

    expect(await history.findProjects(imageId, undefined, 100)).toEqual([]);
  });
});

describe('the present memberships', () => {
  test('are those that had been created by a time', async () => {
    const { history, image, share } = repositories;
    const shared = await image();
    await share(shared, 'beta', 'accepted');
    const justBefore = '2026-11-23T12:29:59Z' as Timestamp;

    const then = await history.findMembershipsSince(shared.id, [beta, gamma], offeredAt);
    const before = await history.findMembershipsSince(shared.id, [beta, gamma], justBefore);

    expect(then).toEqual([{ memberId: 'beta', status: 'accepted', expiresAt: undefined }]);
    expect(before).toEqual([]);
  });
});

describe('the image of a history', () => {
  test('is found with the membership of a project', async () => {
    const { history, image, share, read } = repositories;
    const shared = await image();
    await share(shared, 'beta');

    const ofMember = await history.findImage(shared.id, beta);
    const ofStranger = await history.findImage(shared.id, gamma);

    const found = { image: (await read(shared.id)).image, owner: 'alpha', isKnown: true };
    expect(ofMember).toEqual({ ...found, isMember: true });
    expect(ofStranger).toEqual({ ...found, isMember: false });
  });

  test('has no members while it is not shared', async () => {
    const { history, images, image, share, read } = repositories;
    const { id } = await image();
    await share((await read(id)).image!, 'beta', 'accepted');
    const shared = (await read(id)).image!;
    await images.update(shared, { ...shared, visibility: 'private' }, actor);

    const found = await history.findImage(id, beta);

    expect(found).toMatchObject({ owner: 'alpha', isKnown: true, isMember: false });
  });

  test('is known with its owner after its deletion', async () => {
    const { history, images, image } = repositories;
    const deleted = await image();
    await images.delete(deleted, actor);

    const found = await history.findImage(deleted.id, beta);

    expect(found).toEqual({ image: undefined, owner: 'alpha', isKnown: true, isMember: false });
  });

  test('is unknown if it was never created', async () => {
    const found = await repositories.history.findImage(anImage().id, beta);

    expect(found).toEqual({ image: undefined, owner: undefined, isKnown: false, isMember: false });
  });
});
