import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../../infra/local/free-port.ts';
import { runSharing } from '../../../infra/operate/sharing/run-sharing.ts';
import { ArgumentError, UsageError } from '../../../infra/usage-error.ts';
import { startFakeKeystone, type FakeKeystone } from '../../support/fake-keystone.ts';
import { runCommand } from '../../support/run-command.ts';
import { aFault, startFakeSharingApi, type FakeRequest, type FakeSharingApi } from './sharing/fake-sharing-api.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'infra', 'operate', 'sharing.ts');
const token = 'dev:bob:beta:member';
const one = '11111111-1111-4111-8111-111111111111';
const two = '22222222-2222-4222-8222-222222222222';

let api: FakeSharingApi;
let keystone: FakeKeystone;
beforeAll(async () => {
  api = await startFakeSharingApi();
  keystone = await startFakeKeystone();
});
afterAll(async () => {
  await api.stop();
  await keystone.stop();
});

/** Runs the command in an environment with these variables only. No output may contain a secret. */
async function runIn(env: Readonly<Record<string, string>>, args: readonly string[]) {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const output = { result: (text: string) => stdout.push(text), remark: (line: string) => stderr.push(line) };
  let code: number;
  try {
    code = (await runSharing(args, env, output)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.push(error.message);
    code = error instanceof ArgumentError ? 2 : 1;
  }
  expect([...stdout, ...stderr].join()).not.toMatch(/dev:|secret-of/);
  return { code, stdout: stdout.flatMap((text) => text.split('\n')).filter(Boolean), stderr: stderr.join('\n') };
}

/** Runs a command against the fake API with a token. */
const run = (...args: readonly string[]) => runIn({ OS_TOKEN: token, OS_IMAGE_ENDPOINT_OVERRIDE: api.url }, args);

const succeeded = (...stdout: readonly unknown[]) => ({ code: 0, stdout, stderr: '' });
const failed = (stderr: unknown, ...stdout: readonly unknown[]) => ({ code: 1, stdout, stderr });
/** Methods and URLs of the requests. */
const urls = () => api.requests.map(({ method, url }) => `${method} ${url}`);

const anOffer = ({
  id = one,
  name = 'golden',
  owner = 'alpha',
  status = 'pending',
  ends = null as string | null,
} = {}) => ({
  status,
  offered_at: '2026-11-29T08:00:00Z',
  offered_by: owner,
  answered_at: null,
  expires_at: ends,
  image: { id, name, owner, visibility: 'shared' },
  schema: '/sharing/v1/schemas/offer',
});
const offersPage = (offers: readonly unknown[], next?: string) => ({
  body: { offers, first: '/sharing/v1/offers', ...(next && { next }), schema: '/sharing/v1/schemas/offers' },
});
const imagesPage = (...images: readonly object[]) => ({ body: { images, first: '/v2/images', schema: '' } });
const aMember = (overrides: object) => ({
  member_id: 'beta',
  image_id: one,
  status: 'accepted',
  created_at: '2026-11-29T08:00:00Z',
  updated_at: '2026-11-30T10:00:00Z',
  expires_at: null,
  schema: '/sharing/v1/schemas/member',
  ...overrides,
});
const project = { body: { project_id: 'beta', user_id: 'bob', role: 'member' } };

describe('offers', () => {
  test('a table shows the offers, and texts of other projects cannot change it', async () => {
    const offers = [anOffer(), anOffer({ id: two, name: '\u{1b}[2Kx\n\u202efake', ends: '2027-01-31T23:59:59Z' })];
    api.play({ 'GET /sharing/v1/offers': offersPage(offers) });

    expect(await run('offers', '--owner', 'alpha', '--name-prefix', 'g&x')).toEqual(
      succeeded(
        'IMAGE                                 NAME                         OWNER  STATUS   OFFERED               ENDS',
        `${one}  golden                       alpha  pending  2026-11-29T08:00:00Z  -`,
        `${two}  \\u{1b}[2Kx\\u{a}\\u{202e}fake  alpha  pending  2026-11-29T08:00:00Z  2027-01-31T23:59:59Z`,
      ),
    );
    expect(api.requests).toEqual([
      {
        method: 'GET',
        url: '/sharing/v1/offers?status=pending&owner=alpha&name_prefix=g&x&limit=100',
        token,
        body: undefined,
      },
    ]);
  });

  test('pages are joined, in the table and in the JSON document', async () => {
    const [first, second] = [anOffer(), anOffer({ id: two })];
    const pages = [offersPage([first], `/sharing/v1/offers?marker=${one}`), offersPage([second])];

    api.play({ 'GET /sharing/v1/offers': pages });
    expect((await run('offers')).stdout).toHaveLength(3);
    expect(urls()[1]).toBe(`GET /sharing/v1/offers?marker=${one}`);

    api.play({ 'GET /sharing/v1/offers': pages });
    const { code, stdout, stderr } = await run('offers', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout.join('\n'))).toEqual({
      offers: [first, second],
      first: '/sharing/v1/offers',
      schema: '/sharing/v1/schemas/offers',
    });
  });

  test('the JSON document has no character that controls a terminal', async () => {
    const offer = anOffer({ name: '\u{1b}\u{9b}2K\u202e\u{e0041}' });
    api.play({ 'GET /sharing/v1/offers': offersPage([offer]) });

    const { stdout } = await run('offers', '--json');

    expect(stdout.join('\n')).toContain(String.raw`"\u001b\u009b2K\u202e\udb40\udc41"`);
    expect(JSON.parse(stdout.join('\n')).offers).toEqual([offer]);
  });

  test('a limit ends the list, and a note says that there are more', async () => {
    api.play({ 'GET /sharing/v1/offers': [offersPage([anOffer()], `/sharing/v1/offers?limit=1&marker=${one}`)] });

    const { code, stdout, stderr } = await run('offers', '--limit', '1');

    expect({ code, lines: stdout.length, stderr }).toEqual({
      code: 0,
      lines: 2,
      stderr: 'There are more than 1; "--limit" sets their number, at most 4000.',
    });
    expect(urls()).toEqual(['GET /sharing/v1/offers?status=pending&limit=1']);
  });

  test('a list that does not end is read up to 40 pages with progress', async () => {
    api.play({ 'GET /sharing/v1/offers': () => offersPage([anOffer()], `/sharing/v1/offers?marker=${one}`) });

    const { code, stdout, stderr } = await run('offers');

    expect({ code, lines: stdout.length, requests: api.requests.length }).toEqual({ code: 0, lines: 41, requests: 40 });
    expect(stderr.split('\n')).toEqual([
      '10 entries read …',
      '20 entries read …',
      '30 entries read …',
      'There are more than 40; "--limit" sets their number, at most 4000.',
    ]);
  });

  test('no offers are one sentence', async () => {
    api.play({ 'GET /sharing/v1/offers': offersPage([]) });

    expect(await run('offers')).toEqual(succeeded('No offers.'));
  });

  test.each([['https://example.org/steal'], ['//example.org/'], ['/v2/images?marker=1'], ['@example.org']])(
    'the token is not sent to the next link %s',
    async (next) => {
      api.play({ 'GET /sharing/v1/offers': offersPage([], next) });

      expect(await run('offers')).toEqual(failed(expect.stringContaining(`has the "next" link "${next}", which does`)));
    },
  );
});

describe('accept, reject, offer, withdraw', () => {
  test('offers are accepted by id in one request', async () => {
    const results = [
      { code: 200, member: aMember({}) },
      { code: 200, member: aMember({ image_id: two, expires_at: '2027-01-31T23:59:59Z' }) },
    ];
    api.play({ 'POST /sharing/v1/answers': { body: { results } } });

    expect(await run('accept', one, two)).toEqual(
      succeeded(
        'IMAGE                                 PROJECT  STATUS    ENDS',
        `${one}  beta     accepted  -`,
        `${two}  beta     accepted  2027-01-31T23:59:59Z`,
      ),
    );
    expect(api.requests).toEqual([
      {
        method: 'POST',
        url: '/sharing/v1/answers',
        token,
        body: {
          answers: [
            { image_id: one, status: 'accepted' },
            { image_id: two, status: 'accepted' },
          ],
        },
      },
    ]);
  });

  test('each refused entry is a sentence, and the exit code is 1', async () => {
    const results = [
      { code: 404, error: 'image-not-found', message: 'No image has the id \u{1b}1.' },
      { code: 200, member: aMember({ image_id: two, status: 'rejected' }) },
    ];
    api.play({ 'POST /sharing/v1/answers': { body: { results } } });

    expect(await run('reject', one, two)).toEqual(
      failed(
        `${one} was refused: No image has the id \\u{1b}1.`,
        'IMAGE                                 PROJECT  STATUS    ENDS',
        `${two}  beta     rejected  -`,
      ),
    );

    const { code, stdout, stderr } = await run('reject', one, two, '--json');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/ was refused: [^\n]+$/) });
    expect(JSON.parse(stdout.join('\n'))).toEqual({ results });
  });

  test('an image is offered to several projects until a time', async () => {
    const ends = '2099-12-31T23:59:59Z';
    api.play({
      'POST /sharing/v1/offers': ({ body }) => ({
        body: {
          results: body.offers.map(({ image_id, member_id, expires_at }: any) => ({
            code: 200,
            member: aMember({ image_id, member_id, status: 'pending', expires_at }),
          })),
        },
      }),
    });

    expect(await run('offer', one, 'gamma', 'delta', '--until', '2099-12-31')).toEqual(
      succeeded(
        'IMAGE                                 PROJECT  STATUS   ENDS',
        `${one}  gamma    pending  ${ends}`,
        `${one}  delta    pending  ${ends}`,
      ),
    );
    expect(api.requests[0]?.body).toEqual({
      offers: ['gamma', 'delta'].map((member_id) => ({ image_id: one, member_id, expires_at: ends })),
    });
  });

  test('offers are withdrawn', async () => {
    const results = [{ code: 204 }, { code: 404, error: 'member-not-found', message: 'delta is no member.' }];
    api.play({ 'POST /sharing/v1/withdrawals': { body: { results } } });

    expect(await run('withdraw', one, 'gamma', 'delta')).toEqual(
      failed(
        `${one} for delta was refused: delta is no member.`,
        'IMAGE                                 PROJECT  STATUS     ENDS',
        `${one}  gamma    withdrawn  -`,
      ),
    );
    expect(api.requests[0]?.body).toEqual({
      withdrawals: ['gamma', 'delta'].map((member_id) => ({ image_id: one, member_id })),
    });
  });

  test('more than 100 entries are several requests, and a failure keeps the results before it', async () => {
    const projects = Array.from({ length: 250 }, (_, index) => `project-${index}`);
    const respond = ({ body }: FakeRequest) => ({ body: { results: body.offers.map(() => ({ code: 200 })) } });
    api.play({ 'POST /sharing/v1/offers': respond });

    const first = await run('offer', one, ...projects);

    expect({ ...first, stdout: first.stdout.length }).toEqual({
      code: 0,
      stdout: 251,
      stderr: '100 of 250 …\n200 of 250 …',
    });
    expect(api.requests.map(({ body }) => body.offers.length)).toEqual([100, 100, 50]);

    const unavailable = aFault(503, 'database-unavailable', 'The database is unavailable.');
    api.play({
      'POST /sharing/v1/offers': (request) => (api.requests.length === 1 ? respond(request) : unavailable),
    });
    const second = await run('offer', one, ...projects);
    expect({ ...second, stdout: second.stdout.length }).toEqual({
      code: 1,
      stdout: 101,
      stderr: '100 of 250 …\nThe API cannot run the request now (503): The database is unavailable. Try again later.',
    });
  });

  test('entries that were not started are sent again, as long as the API starts others', async () => {
    const notStarted = { code: 503, error: 'not-started', message: 'The entry was not started. Send it again.' };
    const started = { code: 404, error: 'image-not-found', message: 'There is no such image.' };
    api.play({
      'POST /sharing/v1/answers': [
        { body: { results: [{ code: 200, member: aMember({}) }, notStarted, notStarted] } },
        { body: { results: [started, notStarted] } },
        { body: { results: [notStarted] } },
      ],
    });
    const three = one.replaceAll('1', '3');

    const { code, stdout, stderr } = await run('accept', one, two, three);

    expect(api.requests.map(({ body }) => body.answers.map((answer: any) => answer.image_id))).toEqual([
      [one, two, three],
      [two, three],
      [three],
    ]);
    expect({ code, rows: stdout.slice(1) }).toEqual({ code: 1, rows: [`${one}  beta     accepted  -`] });
    expect(stderr.split('\n')).toEqual([
      '1 of 3 …',
      '2 of 3 …',
      `${two} was refused: There is no such image.`,
      `${three} failed: The entry was not started. Send it again.`,
    ]);
  });

  test('results that do not fit the entries are no response of the API', async () => {
    api.play({ 'POST /sharing/v1/answers': { body: { results: [] } } });

    expect(await run('accept', one)).toEqual(
      failed(
        `${api.url} responded to POST /sharing/v1/answers with an unknown document ("results"): check that it is the URL of an image sharing service with the sharing API.`,
      ),
    );
  });
});

describe('leave', () => {
  test('memberships are ended one by one, and a refusal does not stop the others', async () => {
    const refusal = aFault(404, 'image-not-found', 'There is no such image.');
    const responses = {
      [`DELETE /sharing/v1/memberships/${one}`]: refusal,
      [`DELETE /sharing/v1/memberships/${two}`]: { status: 204 },
    };
    api.play(responses);

    expect(await run('leave', one, two)).toEqual(
      failed(
        `${one} was refused: There is no such image.`,
        'IMAGE                                 STATUS',
        `${two}  left`,
      ),
    );

    const { stdout } = await run('leave', one, two, '--json');
    expect(JSON.parse(stdout.join('\n'))).toEqual({
      results: [{ code: 404, error: 'image-not-found', message: 'There is no such image.' }, { code: 204 }],
    });
  });

  test('a refused token ends the command', async () => {
    api.play({ [`DELETE /sharing/v1/memberships/${one}`]: aFault(401, 'not-authenticated', 'No token.') });

    expect(await run('leave', one, two)).toEqual(failed(expect.stringContaining('refused the token (401)')));
    expect(api.requests).toHaveLength(1);
  });
});

describe('members', () => {
  const path = `GET /sharing/v1/images/${one}/members`;
  const list = (...members: readonly object[]) => ({ members, schema: '/sharing/v1/schemas/members' });

  test('are listed with the ends of their memberships, and texts of other projects cannot change the table', async () => {
    const members = [
      aMember({}),
      aMember({ member_id: 'ga\u202emma', status: 'pending', updated_at: null, expires_at: '2027-01-31T23:59:59Z' }),
    ];
    api.play({ [path]: { body: list(...members) } });

    expect(await run('members', one)).toEqual(
      succeeded(
        'PROJECT        STATUS    OFFERED               CHANGED               ENDS',
        'beta           accepted  2026-11-29T08:00:00Z  2026-11-30T10:00:00Z  -',
        'ga\\u{202e}mma  pending   2026-11-29T08:00:00Z  -                     2027-01-31T23:59:59Z',
      ),
    );
    expect(urls()).toEqual([path]);

    const { code, stdout, stderr } = await run('members', one, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout.join('\n'))).toEqual(list(...members));
  });

  test('of an image without members are one sentence', async () => {
    api.play({ [path]: { body: list() } });

    expect(await run('members', one)).toEqual(succeeded('No members.'));
  });

  test('of a name are those of the own image with this name', async () => {
    api.play({
      'GET /sharing/v1/project': project,
      'GET /v2/images': ({ url }) =>
        imagesPage(...(url.includes('true') ? [] : [{ id: one, name: 'golden', owner: 'beta' }])),
      [path]: { body: list() },
    });

    expect(await run('members', 'golden')).toEqual(succeeded('No members.'));
  });

  test('a refusal of the API is its sentence', async () => {
    const sentence = `Image ${one} is not shared.`;
    api.play({ [path]: aFault(403, 'image-not-shared', sentence) });

    expect(await run('members', one)).toEqual(failed(sentence));
  });
});

describe('trust', () => {
  const answer = {
    owner: 'alpha',
    status: 'accepted',
    created_at: '2026-11-29T08:00:00Z',
    updated_at: '2026-11-30T10:00:00Z',
    schema: '/sharing/v1/schemas/standing-answer',
  };

  test('standing answers are listed', async () => {
    const list = { standing_answers: [answer], schema: '/sharing/v1/schemas/standing-answers' };
    api.play({ 'GET /sharing/v1/standing-answers': { body: list } });

    expect(await run('trust')).toEqual(
      succeeded('OWNER  FUTURE OFFERS  SINCE', 'alpha  accepted       2026-11-30T10:00:00Z'),
    );

    api.play({ 'GET /sharing/v1/standing-answers': { body: { ...list, standing_answers: [] } } });
    expect(await run('trust')).toEqual(succeeded('No standing answers.'));
  });

  test.each([
    [[], 'accepted'],
    [['--reject'], 'rejected'],
  ])('a standing answer is set with %j to %s', async (options, status) => {
    api.play({ 'PUT /sharing/v1/standing-answers/al%pha': { body: { ...answer, status } } });

    expect(await run('trust', 'al%pha', ...options)).toEqual(succeeded(`Future offers of alpha arrive as ${status}.`));
    expect(api.requests[0]?.body).toEqual({ status });
  });

  test('a standing answer is removed', async () => {
    api.play({ 'DELETE /sharing/v1/standing-answers/alpha': { status: 204 } });

    expect(await run('trust', 'alpha', '--remove')).toEqual(succeeded('Future offers of alpha arrive as pending.'));
    expect(await run('trust', 'alpha', '--remove', '--json')).toEqual(succeeded());
  });

  test('a refusal of the API is its sentence', async () => {
    const sentence = 'A project can have at most 128 standing answers; delete one first.';
    api.play({ 'PUT /sharing/v1/standing-answers/alpha': aFault(413, 'standing-answer-limit-exceeded', sentence) });

    expect(await run('trust', 'alpha')).toEqual(failed(sentence));
  });
});

describe('history', () => {
  const path = `GET /sharing/v1/images/${one}/history`;
  const by = { project_id: 'alpha', user_id: null, via: 'http' };
  const state = (status: string, ends: string | null = null) => ({ status, expires_at: ends });
  const entry = (overrides: object) => ({
    id: 'entry',
    time: '2026-11-30T10:00:00Z',
    by,
    schema: '/sharing/v1/schemas/history-entry',
    ...overrides,
  });

  test('changes are listed with their state before and after', async () => {
    const history = [
      entry({
        kind: 'membership',
        member_id: 'beta',
        before: state('accepted'),
        after: null,
        by: { ...by, via: 'expiry' },
      }),
      entry({
        kind: 'membership',
        member_id: 'beta',
        before: state('pending'),
        after: state('accepted', '2027-01-31T23:59:59Z'),
        by: { project_id: 'beta', user_id: 'bob', via: 'http' },
      }),
      entry({
        kind: 'image',
        before: { visibility: 'private', owner: 'alpha' },
        after: { visibility: 'shared', owner: 'alpha' },
      }),
      entry({ kind: 'image', before: null, after: { visibility: 'private', owner: 'alpha' } }),
    ];
    api.play({ [path]: { body: { history, first: '', schema: '' } } });

    expect(await run('history', one, '--member', 'beta', '--limit', '50')).toEqual(
      succeeded(
        'TIME                  MEMBER  CHANGE                                         BY          VIA',
        '2026-11-30T10:00:00Z  beta    accepted → none                                alpha       expiry',
        '2026-11-30T10:00:00Z  beta    pending → accepted until 2027-01-31T23:59:59Z  beta (bob)  http',
        '2026-11-30T10:00:00Z  -       private → shared                               alpha       http',
        '2026-11-30T10:00:00Z  -       none → private, owner alpha                    alpha       http',
      ),
    );
    expect(urls()).toEqual([`${path}?member_id=beta&limit=50`]);
  });

  test('the projects that had access at a time are listed', async () => {
    const at = '2026-11-30T10:00:00Z';
    const access = { at, image: { visibility: 'shared', owner: 'alpha' }, first: '', schema: '' };
    const members = ['beta', 'gamma'].map((member_id) => ({ member_id, ...state('accepted') }));
    api.play({
      [path]: [
        { body: { ...access, members: [members[0]], next: `/sharing/v1/images/${one}/history?at=${at}&marker=beta` } },
        { body: { ...access, members: [members[1]] } },
      ],
    });

    expect(await run('history', one, '--at', at)).toEqual(
      succeeded(
        `At ${at} the image was shared, owner alpha.`,
        'MEMBER  STATUS    ENDS',
        'beta    accepted  -',
        'gamma   accepted  -',
      ),
    );
    expect(urls()[0]).toBe(`${path}?at=${at}&limit=100`);
  });

  test('an image that did not exist at a time had no members', async () => {
    const at = '2026-11-30T10:00:00Z';
    api.play({ [path]: { body: { at, image: null, members: [], first: '', schema: '' } } });

    expect(await run('history', one, '--at', at)).toEqual(
      succeeded(`At ${at} the image did not exist.`, 'No members.'),
    );
  });
});

describe('the name of an image', () => {
  const bulk = { body: { results: [{ code: 200, member: aMember({}) }] } };

  test('is looked up among all offers, hidden ones too, and compared as a whole', async () => {
    api.play({
      'GET /sharing/v1/offers': ({ url }) =>
        offersPage(url.includes('os_hidden=true') ? [anOffer()] : [anOffer({ id: two, name: 'golden 2' })]),
      'POST /sharing/v1/answers': bulk,
    });

    expect((await run('accept', 'golden', one)).code).toBe(0);
    expect(urls().toSorted()).toEqual([
      'GET /sharing/v1/offers?status=all&name_prefix=golden&os_hidden=false&limit=100',
      'GET /sharing/v1/offers?status=all&name_prefix=golden&os_hidden=true&limit=100',
      'POST /sharing/v1/answers',
    ]);
    expect(api.requests.at(-1)?.body).toEqual({ answers: [{ image_id: one, status: 'accepted' }] });
  });

  test('is looked up among the own images of the owner', async () => {
    api.play({
      'GET /sharing/v1/project': project,
      'GET /v2/images': ({ url }) =>
        imagesPage(...(url.includes('true') ? [] : [{ id: one, name: 'in:a', owner: 'beta' }])),
      'POST /sharing/v1/withdrawals': bulk,
    });

    expect((await run('withdraw', 'in:a', 'gamma')).code).toBe(0);
    expect(urls()).toContain('GET /v2/images?owner=beta&name=eq:in:a&os_hidden=false&limit=100');
    expect(api.requests.at(-1)?.body).toEqual({ withdrawals: [{ image_id: one, member_id: 'gamma' }] });
  });

  test('is looked up among offers and own images for the history', async () => {
    api.play({
      'GET /sharing/v1/project': project,
      'GET /v2/images': imagesPage(),
      'GET /sharing/v1/offers': offersPage([anOffer()]),
      [`GET /sharing/v1/images/${one}/history`]: { body: { history: [], first: '', schema: '' } },
    });

    expect(await run('history', 'golden')).toEqual(succeeded('No changes.'));
  });

  test('that several images have is refused with the candidates, before any change', async () => {
    const offers = [anOffer(), anOffer({ id: two, owner: 'gamma' })];
    api.play({
      'GET /sharing/v1/offers': ({ url }) => offersPage(url.includes('os_hidden=true') ? [] : offers),
    });

    expect(await run('accept', one, 'golden')).toEqual(
      failed(
        `2 images among the project's offers have the name "golden"; use the id: ${one} of alpha, ${two} of gamma.`,
      ),
    );
    expect(api.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('that no image has is refused', async () => {
    api.play({ 'GET /sharing/v1/offers': offersPage([]) });

    expect(await run('leave', 'gol\u202eden')).toEqual(
      failed(
        String.raw`No image among the project's offers has the name "gol\u{202e}den"; check the name, or use the id.`,
      ),
    );
  });
});

describe('a failure of the API is one sentence:', () => {
  const notTheApi = 'check that it is the URL of an image sharing service with the sharing API.';

  test.each([
    [
      '401',
      aFault(401, 'not-authenticated', 'Not authenticated.'),
      'The API refused the token (401): it is invalid, expired, or of another identity service. Set OS_TOKEN to a new token, or unset it and set the variables of a Keystone account.',
    ],
    ['403', aFault(403, 'not-permitted', 'The role member is required.'), 'The role member is required.'],
    [
      '503 with a time',
      { ...aFault(503, 'outcome-unknown', 'The outcome is unknown.'), headers: { 'retry-after': '7' } },
      'The API cannot run the request now (503): The outcome is unknown. Try again after 7 s.',
    ],
    [
      '429 of the gateway',
      { status: 429, body: { message: 'Too Many Requests' } },
      'The API cannot run the request now (429): Too Many Requests Try again later.',
    ],
    [
      '500',
      { ...aFault(500, 'internal-error', 'It failed.'), headers: { 'x-openstack-request-id': 'req-7' } },
      'The API failed (500): It failed. Its log has the details of the request req-7.',
    ],
    [
      'another server',
      { status: 200, body: '<html>', headers: { 'content-type': 'text/html' } },
      `responded to GET /sharing/v1/offers with 200 and without JSON: ${notTheApi}`,
    ],
    ['an Image service without it', { status: 300, body: { versions: [] } }, `with 300 and without JSON: ${notTheApi}`],
    [
      'a deployment that is older still',
      aFault(405, 'method-not-allowed', 'Not allowed.'),
      `has no GET /sharing/v1/offers: ${notTheApi}`,
    ],
    [
      'an older deployment',
      aFault(404, 'route-not-found', 'Not found.'),
      `has no GET /sharing/v1/offers: ${notTheApi}`,
    ],
    [
      'a redirect',
      { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
      `with 302 and without JSON: ${notTheApi}`,
    ],
    ['an unknown document', { body: { offers: [{}] } }, `with an unknown document ("offers.0.status"): ${notTheApi}`],
  ])('%s', async (_, response, sentence) => {
    api.play({ 'GET /sharing/v1/offers': response });

    const { code, stdout, stderr } = await run('offers');

    expect({ code, stdout, lines: stderr.split('\n').length }).toEqual({ code: 1, stdout: [], lines: 1 });
    expect(stderr.endsWith(sentence)).toBe(true);
  });

  test('no server', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;

    expect(await run('offers', '--url', url)).toEqual(
      failed(
        `${url} refused the connection: check the URL and that the service runs ("npm start" for the local server).`,
      ),
    );
  });

  test('no TLS', async () => {
    const url = api.url.replace('http:', 'https:');

    expect(await run('offers', '--url', url)).toEqual(
      failed(
        expect.stringMatching(/^The TLS connection to https:\S+ failed \(\w+\): check the URL, or set OS_CACERT /),
      ),
    );
  });

  test('an unknown host', async () => {
    expect(await run('offers', '--url', 'http://images.invalid')).toEqual(
      failed(expect.stringMatching(/^The host name images\.invalid cannot be resolved \(\w+\): check the URL and /)),
    );
  });

  test('an unreadable certificate file', async () => {
    const env = { OS_TOKEN: token, OS_IMAGE_ENDPOINT_OVERRIDE: api.url, OS_CACERT: '/missing.pem' };

    expect(await runIn(env, ['offers'])).toEqual(
      failed('"OS_CACERT" must name a readable file of certificate authorities; got /missing.pem.'),
    );
  });
});

describe('the program', () => {
  const runProgram = (...args: readonly string[]) =>
    runCommand(process.execPath, [program, ...args], {
      env: { PATH: process.env['PATH'], OS_TOKEN: token, OS_IMAGE_ENDPOINT_OVERRIDE: api.url },
      timeoutSeconds: 50,
    });

  test('exits with 0, 1 or 2 after success, a refusal and invalid arguments', async () => {
    const results = [{ code: 404, error: 'image-not-found', message: 'There is no such image.' }];
    api.play({ 'GET /sharing/v1/offers': offersPage([]), 'POST /sharing/v1/answers': { body: { results } } });

    expect(await runProgram('offers')).toMatchObject({ code: 0, stdout: 'No offers.\n', stderr: '' });
    expect(await runProgram('accept', one)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `${one} was refused: There is no such image.\n`,
    });
    expect(await runProgram('offer', one, 'beta', '--until', '2020-01-01')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^"--until" must be in the future; got [^\n]+\n\nUsage: npm run sharing /),
    });
  });
});

describe('the API and the token', () => {
  const account = {
    OS_USERNAME: 'alice',
    OS_PASSWORD: 'secret-of-alice',
    OS_PROJECT_NAME: 'alpha',
    OS_USER_DOMAIN_NAME: 'People',
  };
  const offers = { 'GET /sharing/v1/offers': offersPage([]) };
  const tokens = () => api.requests.map((request) => request.token);
  beforeAll(() => {
    keystone.catalog = [
      { type: 'compute', interface: 'public', region: 'One', url: 'http://127.0.0.1:1' },
      { type: 'image', interface: 'internal', region: 'One', url: 'http://127.0.0.1:1' },
      { type: 'image', interface: 'public', region: 'One', url: `${api.url}/v2/` },
      { type: 'image', interface: 'public', region: 'Two', url: 'http://127.0.0.1:1' },
    ];
  });

  test('options win over variables', async () => {
    api.play(offers);
    const env = {
      OS_TOKEN: 'other',
      OS_IMAGE_ENDPOINT_OVERRIDE: 'http://127.0.0.1:1',
      OS_AUTH_URL: 'http://127.0.0.1:1',
    };

    expect(await runIn(env, ['offers', '--url', `${api.url}/`, '--token', token])).toEqual(succeeded('No offers.'));
    expect(tokens()).toEqual([token]);
  });

  test('a user and a password get a token, and the catalog the endpoint', async () => {
    api.play(offers);

    expect(await runIn({ ...account, OS_AUTH_URL: keystone.url }, ['offers'])).toEqual(succeeded('No offers.'));
    expect(tokens()).toEqual(['dev:alice:alpha:member']);
    expect(keystone.authentications.at(-1)).toEqual({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'alice', domain: { name: 'People' }, password: 'secret-of-alice' } },
        },
        scope: { project: { name: 'alpha', domain: { id: 'default' } } },
      },
    });
  });

  test('an application credential gets a token without a scope', async () => {
    api.play(offers);
    const env = {
      OS_AUTH_URL: keystone.url.replace('/v3', '/'),
      OS_APPLICATION_CREDENTIAL_ID: 'alice-alpha',
      OS_APPLICATION_CREDENTIAL_SECRET: 'secret-of-alice',
    };

    expect(await runIn(env, ['offers'])).toEqual(succeeded('No offers.'));
    expect(tokens()).toEqual(['dev:alice:alpha:member']);
    expect(keystone.authentications.at(-1)).toEqual({
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: { id: 'alice-alpha', secret: 'secret-of-alice' },
        },
      },
    });
  });

  test('an application credential can have a name and a user', async () => {
    api.play(offers);
    const env = {
      OS_AUTH_URL: keystone.url,
      OS_APPLICATION_CREDENTIAL_NAME: 'alice-alpha',
      OS_APPLICATION_CREDENTIAL_SECRET: 'secret-of-alice',
      OS_USERNAME: 'alice',
      OS_USER_DOMAIN_ID: 'people',
    };

    expect(await runIn(env, ['offers'])).toEqual(succeeded('No offers.'));
    expect(keystone.authentications.at(-1)).toEqual({
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: {
            name: 'alice-alpha',
            secret: 'secret-of-alice',
            user: { name: 'alice', domain: { id: 'people' } },
          },
        },
      },
    });
  });

  test('a given token gets the endpoint from the catalog of its region', async () => {
    api.play(offers);
    const env = { OS_TOKEN: token, OS_AUTH_URL: keystone.url, OS_REGION_NAME: 'One', OS_INTERFACE: 'publicURL' };

    expect(await runIn(env, ['offers'])).toEqual(succeeded('No offers.'));
    expect(tokens()).toEqual([token]);
  });

  const keystoneUrl = (env: object) => ({ OS_AUTH_URL: keystone.url, ...account, ...env });
  test.each([
    [
      'no token',
      () => ({ OS_IMAGE_ENDPOINT_OVERRIDE: api.url }),
      'A token is required: set OS_TOKEN, or set OS_AUTH_URL and the variables of a Keystone account.',
    ],
    [
      'no URL',
      () => ({ OS_TOKEN: token }),
      'The URL of the API is required: set "--url", OS_IMAGE_ENDPOINT_OVERRIDE, or OS_AUTH_URL to find it in Keystone.',
    ],
    [
      'no user',
      () => keystoneUrl({ OS_USERNAME: '' }),
      '"OS_USERNAME" is missing: set it to the name of the user, or set OS_TOKEN.',
    ],
    [
      'no password',
      () => keystoneUrl({ OS_PASSWORD: '' }),
      '"OS_PASSWORD" is missing: set it to the password of the user.',
    ],
    [
      'no project',
      () => keystoneUrl({ OS_PROJECT_NAME: '' }),
      '"OS_PROJECT_NAME" is missing: set it to the name of the project, or set OS_PROJECT_ID to its id.',
    ],
    [
      'no secret',
      () => keystoneUrl({ OS_APPLICATION_CREDENTIAL_ID: 'alice-alpha' }),
      '"OS_APPLICATION_CREDENTIAL_SECRET" is missing: set it to the secret of the application credential.',
    ],
    [
      'a wrong password',
      () => keystoneUrl({ OS_PASSWORD: 'secret-of-bob' }),
      'Keystone refused the account (401): check the variables OS_* and the expiry of the account or the token.',
    ],
    [
      'a refused token',
      () => ({ OS_AUTH_URL: keystone.url, OS_TOKEN: 'expired' }),
      'Keystone refused the token of OS_TOKEN (401): check the variables OS_* and the expiry of the account or the token.',
    ],
    [
      'an unknown region',
      () => keystoneUrl({ OS_REGION_NAME: 'Three', OS_INTERFACE: 'admin' }),
      'The catalog of Keystone has no admin endpoint of the type "image" in the region "Three": set "--url", or correct OS_INTERFACE or OS_REGION_NAME.',
    ],
    [
      'another server',
      () => keystoneUrl({ OS_AUTH_URL: api.url }),
      expect.stringMatching(
        /\/v3\/auth responded 404 without a fault of Keystone\. Check OS_AUTH_URL, or try again later\.$/,
      ),
    ],
    [
      'a URL with a password',
      () => ({ OS_TOKEN: token, OS_IMAGE_ENDPOINT_OVERRIDE: 'https://alice:secret-of-alice@images.example.org' }),
      '"OS_IMAGE_ENDPOINT_OVERRIDE" must be a URL such as https://images.example.org, without a user and a password.',
    ],
    [
      'a malformed token',
      () => ({ OS_TOKEN: 'two\nlines', OS_IMAGE_ENDPOINT_OVERRIDE: api.url }),
      'The token must consist of visible ASCII characters; check "--token" or OS_TOKEN.',
    ],
  ])('%s is refused with one sentence', async (_, env, sentence) => {
    api.play({});

    expect(await runIn(env(), ['offers'])).toEqual(failed(sentence));
  });
});
