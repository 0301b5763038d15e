import { describe, expect, test } from '@jest/globals';
import { Problem } from '../../../console/api/problem.ts';
import type { Answer, SharingApi } from '../../../console/api/sharing-api.ts';
import type { BulkResult, Offer } from '../../../console/api/types.ts';
import { answerOffers, describeOutcome } from '../../../console/inbox/answer-offers.ts';

const offerOf = (name: string): Offer => ({
  status: 'pending',
  offered_at: '2026-11-30T12:00:00Z',
  offered_by: 'alpha',
  answered_at: null,
  expires_at: null,
  etag: `"tag-of-${name}"`,
  image: {
    id: `id-of-${name}`,
    name,
    owner: 'alpha',
    visibility: 'shared',
    status: 'active',
    disk_format: 'raw',
    container_format: 'bare',
    size: 1,
    min_disk: 0,
    min_ram: 0,
    tags: [],
    created_at: '2026-11-30T12:00:00Z',
  },
});

const answeredOffers = (...names: readonly [string, string, string]) => {
  const [a, b, c] = names;
  return [offerOf(a), offerOf(b), offerOf(c)] as const;
};

const offersOf = (...names: readonly string[]): readonly Offer[] => names.map(offerOf);

/** An API that responds with the given results, one request after the other, and records the requests. */
function apiWith(...responses: readonly (readonly BulkResult[] | Error)[]) {
  const requests: (readonly Answer[])[] = [];
  const api = {
    answer: (answers: readonly Answer[]) => {
      const response = responses[requests.push(answers) - 1];
      return response instanceof Error ? Promise.reject(response) : Promise.resolve(response ?? []);
    },
  } as unknown as SharingApi;
  return { api, requests };
}

const namesOf = (offers: readonly Offer[]) => offers.map(({ image }) => image.name);

describe('answers to offers', () => {
  test('one request has all answers, and each offer has its result', async () => {
    const { api, requests } = apiWith([
      { code: 200 },
      { code: 404, error: 'image-not-found', message: 'No image found with ID id-of-b.' },
      { code: 503, error: 'try-again-later', message: 'Try again.' },
    ]);
    const outcome = await answerOffers(api, offersOf('a', 'b', 'c'), 'accepted');
    expect(requests).toEqual([
      ['a', 'b', 'c'].map((name) => ({ image_id: `id-of-${name}`, status: 'accepted', if_match: `"tag-of-${name}"` })),
    ]);
    expect(namesOf(outcome.answered)).toEqual(['a']);
    expect(outcome.answered[0]?.status).toBe('accepted');
    expect(namesOf(outcome.withdrawn)).toEqual(['b']);
    expect(outcome.failed.map(({ offer, problem }) => [offer.image.name, problem.kind])).toEqual([['c', 'temporary']]);
  });

  test('an entry without a result has an unknown outcome', async () => {
    const { failed } = await answerOffers(apiWith([]).api, offersOf('a'), 'accepted');
    expect(failed.map(({ problem }) => problem.kind)).toEqual(['outcome-unknown']);
  });

  const many = offersOf(...Array.from({ length: 250 }, (_, index) => `image-${index}`));
  const success = (count: number): readonly BulkResult[] => Array.from({ length: count }, () => ({ code: 200 }));

  test('more than 100 answers are several requests', async () => {
    const { api, requests } = apiWith(success(100), success(100), success(50));
    const { answered } = await answerOffers(api, many, 'accepted');
    expect(requests.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(answered).toHaveLength(250);
  });

  test('a request that fails stops the others, and its problem is that of its entries only', async () => {
    const { api, requests } = apiWith(success(100), new Problem('outcome-unknown', 'Unknown.'));
    const { answered, failed } = await answerOffers(api, many, 'accepted');
    expect(requests).toHaveLength(2);
    expect(answered).toHaveLength(100);
    expect(failed).toHaveLength(150);
    const counts = Object.fromEntries(
      [...Map.groupBy(failed, ({ problem }) => problem.kind)].map(([kind, { length }]) => [kind, length]),
    );
    expect(counts).toEqual({ 'outcome-unknown': 100, temporary: 50 });
  });

  test('a sign-in that ends after the first request ends with the results so far', async () => {
    const { api } = apiWith(success(100), new Problem('signed-out', 'Sign in again.'));
    const message = 'Accepted 100 images. The other answers were not sent. Sign in again.';
    await expect(answerOffers(api, many, 'accepted')).rejects.toEqual(new Problem('signed-out', message));
  });

  test('the answers of a third request are not sent after a failure of the second', async () => {
    const { api } = apiWith(success(100), new Problem('temporary', 'Try again later.'));
    const { failed } = await answerOffers(api, many, 'accepted');
    const text = describeOutcome({ answered: [], withdrawn: [], failed }, 'accepted');
    expect(text).toBe(
      'Not done for 100 images: Try again later. Not done for 50 images: This answer was not sent. Try again.',
    );
  });

  test('the problem of the first request is that of the action', async () => {
    const problem = new Problem('signed-out', 'Sign in.');
    await expect(answerOffers(apiWith(problem).api, many, 'accepted')).rejects.toBe(problem);
  });
});

describe('a precondition', () => {
  test('that fails is a change by somebody else', async () => {
    const { api } = apiWith([{ code: 412, error: 'precondition-failed', message: 'x' }]);
    const { failed } = await answerOffers(api, offersOf('a'), 'accepted');
    expect(failed.map(({ problem }) => [problem.kind, problem.message])).toEqual([
      ['changed', 'This has changed meanwhile. Nothing was changed. The list is loaded again.'],
    ]);
  });

  test('of a further answer is the state after the first', async () => {
    const { api, requests } = apiWith([{ code: 200, etag: '"1"' }], [{ code: 200, etag: '"2"' }]);
    const { answered } = await answerOffers(api, offersOf('a'), 'accepted');
    await answerOffers(api, answered, 'pending');
    expect(requests[1]).toEqual([{ image_id: 'id-of-a', status: 'pending', if_match: '"1"' }]);
  });
});

describe('the sentences about the outcome', () => {
  const [a, b, c] = answeredOffers('a', 'b', 'c');

  test('name one image and count several', () => {
    expect(describeOutcome({ answered: [a], withdrawn: [], failed: [] }, 'accepted')).toBe('Accepted “\u2068a\u2069”.');
    expect(describeOutcome({ answered: [a, b], withdrawn: [], failed: [] }, 'rejected')).toBe('Rejected 2 images.');
    expect(describeOutcome({ answered: [a, b, c], withdrawn: [], failed: [] }, 'pending')).toBe(
      'Moved to Waiting: 3 images.',
    );
  });

  test('distinguish withdrawn offers from failures, and join failures with the same reason', () => {
    const problem = new Problem('temporary', 'Try again in 1 s.');
    const failed = [b, c].map((offer) => ({ offer, problem }));
    const text = describeOutcome({ answered: [], withdrawn: [a], failed }, 'accepted');
    expect(text).toContain('No longer offered to your project');
    expect(text).toContain('“\u2068a\u2069” was removed');
    expect(text).toContain('Not done for 2 images: Try again in 1 s.');
  });
});
