import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { imageApi, tagOf, type ImageApi } from '../../../../promises/image-api.ts';
import { isWrite, startWorld, type World } from '../../../../promises/world.ts';

const quota = 5;
let world: World;
let api: ImageApi;
beforeAll(async () => {
  world = await startWorld(quota);
  api = imageApi(world);
});
afterAll(() => world.close());
beforeEach(() => {
  world.proxy.intercept(undefined);
});

const post = (name: string, entries: unknown, as = 'alpha:member') =>
  world.request('POST', `/sharing/v1/${name}`, { as, body: { [name]: entries } });
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const member = (image_id: string, member_id: string, status: string, expires_at: string | null = null) => ({
  member_id,
  image_id,
  status,
  created_at: time,
  updated_at: time,
  schema: '/sharing/v1/schemas/member',
  expires_at,
});
const etag = expect.stringMatching(/^"[^"]+"$/);
const end = '2999-12-31T23:59:59Z';
const schema = '/sharing/v1/schemas/results';

describe('answers', () => {
  test('each entry has the result of its own request, in order', async () => {
    const [first, second] = [await api.share({ beta: 'pending' }), await api.share({ beta: 'accepted' })];
    const [hidden, foreign] = [await api.create({ visibility: 'private' }), await api.share({ gamma: 'pending' })];
    const missing = randomUUID();

    const { status, body } = await post(
      'answers',
      [
        { image_id: first, status: 'accepted' },
        { image_id: hidden, status: 'accepted' },
        { image_id: second, status: 'rejected' },
        { image_id: foreign, status: 'accepted' },
        { image_id: missing, status: 'accepted' },
        { image_id: 'X', status: 'accepted' },
      ],
      'beta:member',
    );

    const notFound = (id: string) => ({
      code: 404,
      error: 'image-not-found',
      message: `No image found with ID ${id}.`,
    });
    expect([status, body]).toEqual([
      200,
      {
        results: [
          { code: 200, etag, member: member(first, 'beta', 'accepted') },
          notFound(hidden),
          { code: 200, etag, member: member(second, 'beta', 'rejected') },
          notFound(foreign),
          notFound(missing),
          notFound('X'),
        ],
        schema,
      },
    ]);
    expect(await api.members(foreign)).toEqual({ gamma: 'pending' });
  });

  test('a wrong status concerns its entry only', async () => {
    const [first, second] = [await api.share({ beta: 'pending' }), await api.share({ beta: 'pending' })];

    const { body } = await post(
      'answers',
      [
        { image_id: first, status: 'ACCEPTED' },
        { image_id: second, status: 'accepted' },
      ],
      'beta:member',
    );

    expect(body.results).toEqual([
      {
        code: 400,
        error: 'invalid-member-status',
        message: 'The field "status" must be "pending", "accepted" or "rejected".',
      },
      { code: 200, etag, member: member(second, 'beta', 'accepted') },
    ]);
  });

  test('an entry with the tag of the membership is applied in this state only, at the same cost', async () => {
    const [first, second, third] = await Promise.all(Array.from({ length: 3 }, () => api.share({ beta: 'pending' })));
    const answerAll = (entries: readonly object[]) => post('answers', entries, 'beta:member');
    const accepted = await answerAll([first, second, third].map((image_id) => ({ image_id, status: 'accepted' })));
    const [one, two] = accepted.body.results.map(({ etag: if_match }: { etag: string }) => if_match);
    await answerAll([{ image_id: second, status: 'rejected' }]);

    const { result, calls } = await world.proxy.record(() =>
      answerAll([
        { image_id: first, status: 'pending', if_match: one },
        { image_id: second, status: 'pending', if_match: two },
        { image_id: third, status: 'pending', if_match: null },
      ]),
    );

    expect(result.body.results).toEqual([
      { code: 200, etag, member: member(first!, 'beta', 'pending') },
      { code: 412, error: 'precondition-failed', message: expect.any(String) },
      { code: 200, etag, member: member(third!, 'beta', 'pending') },
    ]);
    expect(calls.filter(isWrite)).toHaveLength(3);
    expect(await api.members(second!)).toEqual({ beta: 'rejected' });
  });

  test('the tag of an entry is that of the membership', async () => {
    const image = await api.share({ beta: 'pending' });
    const { body } = await post('answers', [{ image_id: image, status: 'accepted' }], 'beta:member');

    expect(body.results[0].etag).toBe(tagOf(await api.showMember(image, 'beta')));
  });

  test.each(['*', 'W/"a"', 'a', '"a", "b"', ''])('a malformed tag %j is a result of its entry', async (if_match) => {
    const [first, second] = [await api.share({ beta: 'pending' }), await api.share({ beta: 'pending' })];

    const { body } = await post(
      'answers',
      [
        { image_id: first, status: 'accepted', if_match },
        { image_id: second, status: 'accepted' },
      ],
      'beta:member',
    );

    expect(body.results).toEqual([
      {
        code: 400,
        error: 'invalid-request',
        message:
          '"if_match" must be exactly one strong entity tag in quotation marks: the "ETag" of an earlier response.',
      },
      { code: 200, etag, member: member(second, 'beta', 'accepted') },
    ]);
    expect(await api.members(first)).toEqual({ beta: 'pending' });
  });

  test('100 answers cost one call each', async () => {
    const ids = await Promise.all(Array.from({ length: 100 }, () => api.share({ beta: 'pending' })));

    const { result, calls } = await world.proxy.record(() =>
      post(
        'answers',
        ids.map((image_id) => ({ image_id, status: 'accepted' })),
        'beta:member',
      ),
    );

    expect(result.body.results.map(({ code }: { code: number }) => code)).toEqual(Array(100).fill(200));
    expect(calls.map(({ action }) => action)).toEqual(Array(100).fill('UpdateItem'));
  });
});

describe('offers', () => {
  test('are made with and without an end, up to the quota', async () => {
    const image = await api.share({ gamma: 'pending' });
    const projects = ['beta', 'gamma', 'delta', 'a/b', 'epsilon', 'zeta', 'eta'];

    const { body } = await post('offers', [
      ...projects.map((member_id) => ({
        image_id: image,
        member_id,
        ...(member_id === 'delta' && { expires_at: end }),
      })),
      { image_id: image, member_id: 'theta', expires_at: '2020-01-01T00:00:00Z' },
    ]);

    expect(body.results).toEqual([
      { code: 200, etag, member: member(image, 'beta', 'pending') },
      { code: 409, error: 'member-exists', message: expect.stringContaining('gamma') },
      { code: 200, etag, member: member(image, 'delta', 'pending', end) },
      { code: 400, error: 'invalid-request', message: expect.stringContaining('"member_id" must be a project id') },
      { code: 200, etag, member: member(image, 'epsilon', 'pending') },
      { code: 200, etag, member: member(image, 'zeta', 'pending') },
      { code: 413, error: 'member-quota-exceeded', message: expect.any(String) },
      { code: 400, error: 'invalid-request', message: '"expires_at" must be later than now.' },
    ]);
  });

  test('of one image do not conflict with each other', async () => {
    const image = await api.create();

    const { result, calls } = await world.proxy.record(() =>
      post(
        'offers',
        ['a', 'b', 'c', 'd', 'e'].map((member_id) => ({ image_id: image, member_id })),
      ),
    );

    expect(result.body.results.map(({ code }: { code: number }) => code)).toEqual(Array(5).fill(200));
    expect(calls.map(({ action }) => action)).toEqual(Array(5).fill(['BatchGetItem', 'TransactWriteItems']).flat());
  });
});

describe('withdrawals', () => {
  test('have a code only, or the error', async () => {
    const image = await api.share({ beta: 'accepted', gamma: 'pending' });

    const { status, body } = await post(
      'withdrawals',
      ['beta', 'nobody', 'gamma', '?'].map((member_id) => ({ image_id: image, member_id })),
    );

    expect([status, body.results]).toEqual([
      200,
      [
        { code: 204 },
        { code: 404, error: 'member-not-found', message: expect.stringContaining('nobody') },
        { code: 204 },
        { code: 404, error: 'member-not-found', message: expect.stringContaining('?') },
      ],
    ]);
    expect(await api.members(image)).toEqual({});
  });
});

test('a withdrawal with the tag of the membership ends this membership only', async () => {
  const image = await api.share({ beta: 'pending', gamma: 'pending' });
  const [beta, gamma] = [tagOf(await api.showMember(image, 'beta')), tagOf(await api.showMember(image, 'gamma'))];
  await api.answer(image, 'beta', 'accepted');

  const { body } = await post('withdrawals', [
    { image_id: image, member_id: 'beta', if_match: beta },
    { image_id: image, member_id: 'gamma', if_match: gamma },
  ]);

  expect(body.results).toEqual([
    { code: 412, error: 'precondition-failed', message: expect.any(String) },
    { code: 204 },
  ]);
  expect(await api.members(image)).toEqual({ beta: 'accepted' });
});

describe('a request is refused as a whole, without effect', () => {
  const id = randomUUID();
  const answer = { image_id: id, status: 'accepted' };

  test.each<[string, string, unknown, string]>([
    ['without entries', 'answers', [], 'a list of 1 to 100 entries; got 0.'],
    ['with 101 entries', 'answers', Array(101).fill(answer), 'a list of 1 to 100 entries; got 101.'],
    ['with no list', 'answers', answer, 'a list of 1 to 100 entries.'],
    ['with an entry that is no object', 'answers', [answer, null], 'Entry 2 of "answers" must be an object.'],
    ['with a list as an entry', 'answers', [[]], 'Entry 1 of "answers" must be an object.'],
    [
      'with an unknown field',
      'answers',
      [{ ...answer, member_id: 'x' }],
      'The field "member_id" of entry 1 of "answers"',
    ],
    [
      'without an image',
      'answers',
      [{ status: 'accepted' }],
      'Entry 1 of "answers" must have "image_id", which must be a text.',
    ],
    [
      'without a status',
      'answers',
      [{ image_id: id }],
      'Entry 1 of "answers" must have "status", which must be a text.',
    ],
    [
      'with a number as a status',
      'answers',
      [{ image_id: id, status: 1 }],
      'must have "status", which must be a text.',
    ],
    [
      'with a number as an end',
      'offers',
      [{ image_id: id, member_id: 'x', expires_at: 1 }],
      'The field "expires_at" of entry 1 of "offers" must be a text or null.',
    ],
    [
      'with an image twice',
      'answers',
      [answer, { ...answer, status: 'rejected' }],
      'Entry 2 of "answers" repeats entry 1',
    ],
    [
      'with a number as a tag',
      'answers',
      [{ ...answer, if_match: 1 }],
      'The field "if_match" of entry 1 of "answers" must be a text or null.',
    ],
    [
      'with a tag of an offer',
      'offers',
      [{ image_id: id, member_id: 'x', if_match: '"a"' }],
      'The field "if_match" of entry 1 of "offers"',
    ],
    [
      'with a number as a member',
      'offers',
      [{ image_id: id, member_id: 1 }],
      'must have "member_id", which must be a text.',
    ],
    ['with a member twice', 'withdrawals', Array(2).fill({ image_id: id, member_id: 'x' }), 'repeats entry 1'],
  ])('%s', async (_title, name, entries, message) => {
    const { result, calls } = await world.proxy.record(() => post(name, entries, 'beta:member'));

    expect([result.status, result.body.error]).toEqual([400, 'invalid-request']);
    expect(result.body.message).toContain(message);
    expect(calls).toEqual([]);
  });

  test('with a field besides the list', async () => {
    const { status, body } = await world.request('POST', '/sharing/v1/answers', {
      as: 'beta:member',
      body: { answers: [answer], force: true },
    });

    expect([status, body.message]).toEqual([
      400,
      'The field "force" of the body is unknown; the fields are "answers".',
    ]);
  });

  test.each(['beta:reader', 'beta:'])('by %s', async (as) => {
    const { result, calls } = await world.proxy.record(() => post('answers', [answer], as));

    expect([result.status, result.body.error, result.body.message]).toEqual([
      403,
      'not-permitted',
      'The request requires the role member.',
    ]);
    expect(calls).toEqual([]);
  });
});

describe('an entry', () => {
  test('that has not started at the deadline is reported and was not started', async () => {
    const image = await api.create();
    const start = Date.now();
    const clock = jest.spyOn(Date, 'now').mockReturnValue(start);
    // The deadline passes while the first entry is written.
    world.proxy.intercept((call) => {
      if (isWrite(call)) clock.mockReturnValue(start + 60_000);
      return undefined;
    });

    const { body } = await post(
      'offers',
      ['beta', 'gamma'].map((member_id) => ({ image_id: image, member_id })),
    );

    clock.mockRestore();
    expect(body.results).toEqual([
      { code: 200, etag, member: member(image, 'beta', 'pending') },
      {
        code: 503,
        error: 'not-started',
        message: 'The time of the request did not suffice for this entry, which was not started. Send it again.',
      },
    ]);
    expect(await api.members(image)).toEqual({ beta: 'pending' });
  });

  test('that fails is an error of its own, whose cause is in the log and not in the response', async () => {
    const [broken, whole] = [await api.share({ beta: 'pending' }), await api.share({ beta: 'pending' })];
    world.proxy.intercept(({ request }) =>
      JSON.stringify(request).includes(broken)
        ? { status: 400, response: { __type: 'AccessDeniedException', message: 'secret policy' } }
        : undefined,
    );
    const before = world.service.logged.length;

    const { status, body } = await post(
      'answers',
      [broken, whole].map((image_id) => ({ image_id, status: 'accepted' })),
      'beta:member',
    );

    expect([status, body.results]).toEqual([
      200,
      [
        { code: 500, error: 'internal-error', message: expect.not.stringContaining('policy') },
        { code: 200, etag, member: member(whole, 'beta', 'accepted') },
      ],
    ]);
    const lines = world.service.logged.slice(before).map((line) => JSON.parse(line) as Record<string, any>);
    expect(lines.find(({ message }) => message === 'request')).toMatchObject({
      level: 'error',
      status: 200,
      cause: { name: 'AccessDeniedException', message: 'secret policy' },
    });
    expect(lines.find(({ message }) => message === 'server error')).toMatchObject({ ServerErrors: 1 });
  });

  test('whose outcome is unknown says so, and the others go on', async () => {
    const [lost, whole] = [await api.share({ beta: 'pending' }), await api.share({ beta: 'pending' })];
    world.proxy.intercept((call) =>
      isWrite(call) && JSON.stringify(call.request).includes(lost) ? 'lose the request' : undefined,
    );

    const { body } = await post(
      'answers',
      [lost, whole].map((image_id) => ({ image_id, status: 'accepted' })),
      'beta:member',
    );

    expect(body.results.map(({ code, error }: { code: number; error?: string }) => [code, error])).toEqual([
      [503, 'outcome-unknown'],
      [200, undefined],
    ]);
  });
});
