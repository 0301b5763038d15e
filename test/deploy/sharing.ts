import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { timestamp } from '../../lambda/domain/clock.ts';
import type { Emulator } from './emulator.ts';
import type { DeployedEvents, Outputs } from './events.ts';

const headersOf = (token: string) => ({ 'x-auth-token': token, 'content-type': 'application/json' });
const headers = headersOf('dev:alice:project-a:member');

/** Offers a new image to project-b until ten seconds from now, and waits for this end. Returns the id of the image. */
export async function offerBriefly(emulator: Emulator, { ApiUrl: apiUrl }: Pick<Outputs, 'ApiUrl'>): Promise<string> {
  const id = randomUUID();
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const answer = await emulator.ask(apiUrl, method, path, headers, JSON.stringify(body));
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.body}`);
  };
  await send('POST', '/v2/images', { id, name: 'temporary' });
  await send('POST', `/v2/images/${id}/members`, { member: 'project-b' });
  const end = Date.now() + 10_000;
  await send('PUT', `/sharing/v1/images/${id}/members/project-b/expiry`, {
    expires_at: timestamp(new Date(end)),
  });
  await pause(end - Date.now());
  return id;
}

/** Tests that the deployed schedule ends an offer after its end, and that the end is published. */
export async function testExpiry(
  emulator: Emulator,
  { waitForEvent }: DeployedEvents,
  outputs: Outputs,
  log: (line: string) => void,
): Promise<void> {
  const id = await offerBriefly(emulator, outputs);
  const member = `/v2/images/${id}/members/project-b`;

  const { status } = await emulator.ask(outputs.ApiUrl, 'GET', member, headers);
  const published = await waitForEvent(({ type, image }) => type === 'image.member.delete' && image?.id === id);

  assert.equal(status, 404);
  assert.deepEqual(published['by'], { project: 'project-a', user: 'expiry', via: 'expiry', request_id: null });
  log('an offer with an end is invisible from its end on, and the schedule withdraws it within two minutes');
}

/** Tests a standing answer, bulk offers and answers, and the history that the stream consumer writes. */
export async function testSharing(
  emulator: Emulator,
  { ApiUrl: apiUrl }: Pick<Outputs, 'ApiUrl'>,
  log: (line: string) => void,
): Promise<void> {
  const send = async (token: string, method: string, path: string, body?: object): Promise<any> => {
    const answer = await emulator.ask(apiUrl, method, path, headersOf(token), body && JSON.stringify(body));
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.body}`);
    return answer.body === '' ? undefined : JSON.parse(answer.body);
  };
  const [owner, member] = ['dev:alice:project-a:member', 'dev:bob:project-b:member'];
  const id = randomUUID();
  await send(owner, 'POST', '/v2/images', { id, name: 'of several' });
  await send('dev:carol:project-c:member', 'PUT', '/sharing/v1/standing-answers/project-a', { status: 'accepted' });

  const { results: offered } = await send(owner, 'POST', '/sharing/v1/offers', {
    offers: ['project-b', 'project-c', 'a/b'].map((member_id) => ({ image_id: id, member_id })),
  });
  const { results: answered } = await send(member, 'POST', '/sharing/v1/answers', {
    answers: [id, randomUUID()].map((image_id) => ({ image_id, status: 'accepted' })),
  });
  const { offers } = await send(member, 'GET', '/sharing/v1/offers?status=accepted&name_prefix=of');

  assert.deepEqual(
    offered.map((each: any) => [each.code, each.member?.status]),
    [
      [200, 'pending'],
      [200, 'accepted'],
      [400, undefined],
    ],
  );
  assert.deepEqual(
    answered.map((each: any) => each.code),
    [200, 404],
  );
  assert.ok(offers.some((each: any) => each.image.id === id && each.offered_by === 'project-a'));
  const expected = ['project-b accepted', 'project-b pending', 'project-c accepted', ' shared'];
  let entries: string[] = [];
  for (const until = Date.now() + 60_000; entries.length < expected.length && Date.now() < until;) {
    await pause(500);
    const { history } = await send(owner, 'GET', `/sharing/v1/images/${id}/history`);
    entries = history.map((each: any) => `${each.member_id ?? ''} ${each.after.status ?? each.after.visibility}`);
  }
  assert.deepEqual(entries.toSorted(), expected.toSorted());
  log('a standing answer, bulk offers and answers, an inbox, and the history of the image');
}
