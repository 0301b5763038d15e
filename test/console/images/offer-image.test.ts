import { describe, expect, test } from '@jest/globals';
import { problemOf } from '../../../console/api/problem.ts';
import type { Member, MemberStatus } from '../../../console/api/types.ts';
import { describeOffers, parseProjectIds } from '../../../console/images/offer-image.ts';

const member = (status: MemberStatus): Member => ({
  ...{ member_id: 'beta', image_id: 'id', status, created_at: '2026-11-30T12:00:00Z' },
  ...{ updated_at: null, expires_at: null },
});
const offered = { code: 200, member: member('pending') };

describe('the text of project ids', () => {
  test.each([
    ['one id', 'beta', ['beta']],
    ['spaces, commas, tabs and new lines', ' beta,gamma ,\tdelta\r\n\nepsilon ', ['beta', 'gamma', 'delta', 'epsilon']],
    ['a repeated id', 'beta gamma beta', ['beta', 'gamma']],
    ['an id in groups', 'beta 4f2a9c0d e1b84a7f 9d3c5e6b 7a8091c2', ['beta', '4f2a9c0de1b84a7f9d3c5e6b7a8091c2']],
    ['ids that differ by case', 'beta Beta', ['beta', 'Beta']],
  ])('has %s', (_title, text, ids) => {
    expect(parseProjectIds(text, 'alpha')).toEqual(ids);
  });

  const ids = (count: number) => Array.from({ length: count }, (_, index) => `project-${index}`).join(' ');

  test('has up to 100 ids; repeated ones do not count', () => {
    expect(parseProjectIds(`${ids(100)} project-0`, 'alpha')).toHaveLength(100);
  });

  test.each([
    ['no id', ' ,\n, ', 0],
    ['more than 100 ids', ids(101), 101],
  ])('with %s is refused with its number', (_title, text, count) => {
    expect(() => parseProjectIds(text, 'alpha')).toThrow(
      expect.objectContaining({
        kind: 'refused',
        message: `The field "Projects" must have 1 to 100 project ids; it has ${count}.`,
      }),
    );
  });
});

test('the owner of the image is refused, also among others', () => {
  expect(() => parseProjectIds('beta alpha', 'alpha')).toThrow(
    expect.objectContaining({ kind: 'refused', message: expect.stringContaining('Your project owns this image') }),
  );
});

describe('the results of offers', () => {
  test('an offer names its project, and nothing failed', () => {
    expect(describeOffers(['beta'], [offered])).toEqual({ text: 'Offered to beta.', failed: [] });
  });

  test('a status other than pending comes from a standing answer', () => {
    const results = (['accepted', 'rejected'] as const).map((status) => ({ code: 200, member: member(status) }));

    expect(describeOffers(['beta', 'gamma'], results)).toEqual({
      text: 'Offered to beta, and accepted by a standing answer. Offered to gamma, and rejected by a standing answer.',
      failed: [],
    });
  });

  test('projects with the same result share a sentence; failed ones stay in their order', () => {
    const quota = { code: 413, error: 'member-quota-exceeded', message: 'Image id already has the maximum.' };
    const exists = (project: string) => ({
      ...{ code: 409, error: 'member-exists', message: `Project ${project} is already a member.` },
    });

    const outcome = describeOffers(
      ['a', 'b', 'c', 'd', 'e', 'f'],
      [exists('a'), offered, quota, exists('d'), offered, quota],
    );

    expect(outcome).toEqual({
      text: 'Not offered to a, d: already a member. Offered to b, e. Not offered to c, f: Image id already has the maximum.',
      failed: ['a', 'c', 'd', 'f'],
    });
  });

  test('a sentence names up to five projects, and counts more', () => {
    const five = ['a', 'b', 'c', 'd', 'e'];

    expect(
      describeOffers(
        five,
        five.map(() => offered),
      ).text,
    ).toBe('Offered to a, b, c, d, e.');
    expect(
      describeOffers(
        [...five, 'f'],
        [...five, 'f'].map(() => offered),
      ).text,
    ).toBe('Offered to 6 projects.');
  });

  test.each([
    ['a failure without a known outcome', { code: 500 }],
    ['an unknown outcome', { code: 503, error: 'outcome-unknown' }],
  ])('%s is neither an offer nor a refusal', (_title, result) => {
    const { message } = problemOf({ status: result.code, ...result }, true);

    expect(describeOffers(['beta'], [result])).toEqual({
      text: `Not confirmed for beta: ${message}`,
      failed: ['beta'],
    });
  });

  test('an offer that was not started had no effect', () => {
    const { text, failed } = describeOffers(['beta'], [{ code: 503, error: 'not-started' } as const]);

    expect(text).toMatch(/^Not offered to beta: .*Nothing was changed\./);
    expect(failed).toEqual(['beta']);
  });

  test('a project without a result has an unknown outcome', () => {
    const { text, failed } = describeOffers(['beta', 'gamma'], [offered]);

    expect(text).toMatch(/^Offered to beta\. Not confirmed for gamma: /);
    expect(failed).toEqual(['gamma']);
  });

  test('ids are texts, also if they look like patterns', () => {
    expect(describeOffers(['$&', '*'], [offered, offered]).text).toBe('Offered to $&, *.');
  });
});
