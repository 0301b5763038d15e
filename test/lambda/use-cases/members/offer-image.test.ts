import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Caller } from '../../../../lambda/domain/caller.ts';
import type { ProjectId } from '../../../../lambda/domain/ids.ts';
import { createOfferImage } from '../../../../lambda/use-cases/members/offer-image.ts';
import { now, openRepositories, type Repositories } from '../../../contracts/open-repositories.ts';

let opened: Repositories;

beforeAll(async () => {
  opened = await openRepositories();
});

afterAll(() => opened.close());

const caller: Caller = {
  projectId: 'alpha' as ProjectId,
  userId: 'alice',
  role: 'member',
  via: 'http',
  requestId: 'req-1',
};

test.each([
  [-1, []],
  [128, ['Query']],
])('with a quota of %s a repeated offer searches for ended members with %j', async (memberQuota, searches) => {
  const { image, wire, wired } = opened;
  const { id: imageId } = await image();
  const offerImage = createOfferImage({ ...wired, clock: () => now, memberQuota });
  let writes = 0;
  wire.intercept(({ action }) => {
    if (action !== 'TransactWriteItems') return undefined;
    writes += 1;
    if (writes > 1) return undefined;
    const reasons = [{ Code: 'ConditionalCheckFailed' }, { Code: 'None' }, { Code: 'None' }];
    const error = 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException';
    return { status: 400, response: { __type: error, CancellationReasons: reasons } };
  });

  const { result, calls } = await wire.record(() => offerImage({ imageId, memberId: 'beta' as ProjectId, caller }));

  wire.intercept(undefined);
  expect(result.status).toBe('pending');
  expect(calls.map(({ action }) => action).filter((action) => action === 'Query')).toEqual(searches);
});
