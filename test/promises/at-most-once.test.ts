/** The sequences of requests in which a repeated write would act twice. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import { imageKey, membershipKey } from '../../lambda/dynamodb/keys.ts';
import type { Interference } from '../support/engine-proxy.ts';
import type { TestResponse } from '../support/service.ts';
import { imageApi, owner, type ImageApi } from './image-api.ts';
import { isWrite, itemAt, plantAttributes, startWorld, type World } from './world.ts';

let world: World;
let api: ImageApi;
beforeAll(async () => {
  world = await startWorld(128);
  api = imageApi(world);
});
afterEach(() => world.reset());
afterAll(() => world.close());

/** Loses the response to the first write of a request, which is applied, and runs others before the next call. */
async function afterLostResponse(
  request: () => Promise<TestResponse>,
  others: () => Promise<unknown>,
): Promise<TestResponse> {
  const held = await world.holdAfterLostResponse(request);
  await others();
  return held.release();
}

const fault = ({ status, headers, body }: TestResponse) => [status, body.error, headers['retry-after']];
const unknownOutcome = [503, 'outcome-unknown', '1'];

describe('a write whose response was lost is not repeated', () => {
  test('on an answer that followed it', async () => {
    const id = await api.share({ beta: 'pending' });

    const answer = await afterLostResponse(
      () => api.answer(id, 'beta', 'accepted'),
      () => api.answer(id, 'beta', 'rejected'),
    );

    expect(fault(answer)).toEqual(unknownOutcome);
    expect(await api.members(id)).toEqual({ beta: 'rejected' });
  });

  test('on a new membership that followed it', async () => {
    const id = await api.share({ beta: 'pending' });

    const answer = await afterLostResponse(
      () => api.answer(id, 'beta', 'accepted'),
      async () => {
        await api.withdraw(id, 'beta');
        await api.offer(id, 'beta');
      },
    );

    expect(fault(answer)).toEqual(unknownOutcome);
    expect(await api.members(id)).toEqual({ beta: 'pending' });
  });

  test('on a name that followed it', async () => {
    const id = await api.create();

    const answer = await afterLostResponse(
      () => api.patch(id, { name: 'A' }),
      () => api.patch(id, { name: 'B' }),
    );

    expect(fault(answer)).toEqual(unknownOutcome);
    expect((await api.show(id)).body.name).toBe('B');
  });
});

describe('an import whose response was lost', () => {
  const jobOf = async (id: string) => (await itemAt(world.table, imageKey(id as ImageId)))?.['import_job'];
  const formats = { disk_format: 'raw', container_format: 'bare' };

  test('is accepted if its item proves it, with one job', async () => {
    const id = await api.create(formats);
    let jobWhileHeld: unknown;

    const answer = await afterLostResponse(
      () => api.import(id),
      async () => {
        jobWhileHeld = await jobOf(id);
      },
    );

    expect([answer.status, await jobOf(id)]).toEqual([202, jobWhileHeld]);
    expect(jobWhileHeld).toMatch(/./);
    expect((await api.import(id)).status).toBe(409);
  });

  test('is not repeated on a change that followed it', async () => {
    const id = await api.create(formats);
    let jobWhileHeld: unknown;

    const answer = await afterLostResponse(
      () => api.import(id),
      async () => {
        jobWhileHeld = await jobOf(id);
        await api.patch(id, { name: 'B' });
      },
    );

    expect(fault(answer)).toEqual(unknownOutcome);
    expect(await jobOf(id)).toBe(jobWhileHeld);
    expect((await api.show(id)).body).toMatchObject({ name: 'B', status: 'importing' });
  });
});

describe('a write whose response was lost is known to be applied', () => {
  test('if its item proves it', async () => {
    const id = await api.share({ beta: 'pending' });

    const answer = await afterLostResponse(
      () => api.answer(id, 'beta', 'accepted'),
      () => Promise.resolve(),
    );

    expect([answer.status, answer.body]).toEqual([200, (await api.showMember(id, 'beta')).body]);
  });

  test('though the membership has ended since, and the response shows what was written', async () => {
    const id = await api.share({ beta: 'pending' });
    const { body: before } = await api.showMember(id, 'beta');

    const answer = await afterLostResponse(
      () => api.answer(id, 'beta', 'accepted'),
      () => api.withdraw(id, 'beta'),
    );

    expect([answer.status, answer.body]).toEqual([
      200,
      { ...before, status: 'accepted', updated_at: expect.any(String) },
    ]);
    expect(await api.members(id)).toEqual({});
  });

  test('though the image has been made private since, and the response shows what was written', async () => {
    const id = await api.create();

    const answer = await afterLostResponse(
      () => api.patch(id, { name: 'A' }),
      () => api.patch(id, { visibility: 'private' }),
    );

    expect([answer.status, answer.body.name, answer.body.visibility]).toEqual([200, 'A', 'shared']);
    expect((await api.show(id)).body).toMatchObject({ name: 'A', visibility: 'private' });
  });
});

test('a response without the written item proves nothing', async () => {
  const id = await api.share({ beta: 'pending' });
  world.proxy.intercept(({ action, request }) =>
    action === 'UpdateItem' ? { request, amend: () => ({}) } : undefined,
  );

  const answer = await api.answer(id, 'beta', 'accepted');

  expect([answer.status, answer.body]).toEqual([200, (await api.showMember(id, 'beta')).body]);
});

test('the read that could prove a write is repeated, and its failure leaves the outcome unknown', async () => {
  const id = await api.share({ beta: 'pending' });
  let reads = 0;
  world.proxy.intercept(({ action }) => {
    if (action === 'UpdateItem') return 'lose the response';
    reads += 1;
    return reads > 3 ? { status: 400, response: { __type: 'AccessDeniedException' } } : 'lose the response';
  });

  const answer = await api.answer(id, 'beta', 'accepted');

  expect(fault(answer)).toEqual(unknownOutcome);
  expect(reads).toBe(4);
});

describe('the time of a change', () => {
  test('of a membership is that of the attempt that was applied', async () => {
    const id = await api.share({ beta: 'pending' });
    const times = new Set<string>();
    world.proxy.intercept((call) => {
      if (!isWrite(call)) return undefined;
      times.add(call.request['ExpressionAttributeValues'][':at'].S);
      return times.size < 2 ? { status: 400, response: { __type: 'TransactionConflictException' } } : undefined;
    });

    const answer = await api.answer(id, 'beta', 'accepted');

    expect(times.size).toBe(2);
    expect(answer.body.updated_at).toBe([...times].at(-1));
  });

  describe.each<[string, (id: string) => Promise<TestResponse>, number]>([
    ['a withdrawal', (id) => api.withdraw(id, 'beta'), 204],
    ['leaving', (id) => api.leave(id, 'beta'), 204],
    ['the deletion of an image with members', (id) => api.remove(id), 204],
    [
      'another end of a membership',
      (id) =>
        api.request('PUT', `/sharing/v1/images/${id}/members/beta/expiry`, {
          as: owner,
          body: { expires_at: '2999-12-31T23:59:59Z' },
        }),
      200,
    ],
  ])('of %s', (_what, act, success) => {
    /** Interferes with the attempts to write the membership. Returns their tokens and times. */
    function interfereUntil(isLast: (attempts: readonly Attempt[]) => boolean, interference: Interference) {
      const attempts: Attempt[] = [];
      world.proxy.intercept(({ request }) => {
        const updates = ((request['TransactItems'] ?? []) as Record<string, any>[]).map(({ Update: update }) => update);
        const time = updates.find((update) => update?.ExpressionAttributeValues[':updated_at'] !== undefined);
        if (time === undefined) return undefined;
        const token = request['ClientRequestToken'];
        attempts.push({ token, time: time.ExpressionAttributeValues[':updated_at'].S });
        return isLast(attempts) ? undefined : interference;
      });
      return attempts;
    }
    const cancelled = {
      __type: 'TransactionCanceledException',
      CancellationReasons: [{ Code: 'None' }, { Code: 'None' }, { Code: 'TransactionConflict' }],
    };

    test('is that of the attempt that was applied, after attempts with conflicts', async () => {
      const id = await api.share({ beta: 'pending' });
      const attempts = interfereUntil((each) => new Set(each.map(({ time }) => time)).size > 1, {
        status: 400,
        response: cancelled,
      });

      expect((await act(id)).status).toBe(success);

      expect(new Set(attempts.map(({ token }) => token)).size).toBe(attempts.length);
      const changed = await itemAt(world.table, membershipKey('beta' as ProjectId, id as ImageId));
      expect(changed).toMatchObject({ updated_at: attempts.at(-1)!.time });
      expect('status' in changed!).toBe(success === 200);
    });

    test('is that of the first attempt, with its token, while the outcome is unknown', async () => {
      const id = await api.share({ beta: 'pending' });
      const attempts = interfereUntil((each) => each.length > 3, 'lose the request');

      expect((await act(id)).status).toBe(success);

      expect(attempts).toEqual(Array(4).fill(attempts[0]));
    });
  });

  test('of an image is never before the one that was read', async () => {
    const id = await api.create();
    const later = '2999-01-01T00:00:00Z';
    const key = imageKey(id as ImageId);
    const { record } = (await itemAt(world.table, key))!;
    const changed = { ...(JSON.parse(record) as object), updated_at: later };
    await plantAttributes(world.table, key, { record: JSON.stringify(changed) });

    const answer = await api.patch(id, { name: 'A' });

    expect(answer.body.updated_at).toBe(later);
  });
});

/** An attempt to write a transaction. */
interface Attempt {
  readonly token: string;
  /** Time of the change in the transaction. */
  readonly time: string;
}
