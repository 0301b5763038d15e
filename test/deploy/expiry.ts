import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { timestamp } from '../../lambda/domain/clock.ts';
import type { Emulator } from './emulator.ts';
import type { DeployedEvents, Outputs } from './events.ts';

const headers = { 'x-auth-token': 'dev:alice:project-a:member', 'content-type': 'application/json' };

/** Offers a new image to project-b until a number of seconds from now. Returns the id of the image. */
export async function offerUntil(
  emulator: Emulator,
  { ApiUrl: apiUrl }: Pick<Outputs, 'ApiUrl'>,
  seconds: number,
): Promise<string> {
  const id = randomUUID();
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const answer = await emulator.ask(apiUrl, method, path, headers, JSON.stringify(body));
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.body}`);
  };
  await send('POST', '/v2/images', { id, name: 'temporary' });
  await send('POST', `/v2/images/${id}/members`, { member: 'project-b' });
  await send('PUT', `/sharing/v1/images/${id}/members/project-b/expiry`, {
    expires_at: timestamp(new Date(Date.now() + seconds * 1000)),
  });
  return id;
}

/** Tests that the deployed schedule ends an offer after its end, and that the end is published. */
export async function testExpiry(
  emulator: Emulator,
  { waitForEvent }: DeployedEvents,
  outputs: Outputs,
  log: (line: string) => void,
): Promise<void> {
  const id = await offerUntil(emulator, outputs, 3);
  const member = `/v2/images/${id}/members/project-b`;
  await pause(4000);

  const { status } = await emulator.ask(outputs.ApiUrl, 'GET', member, headers);
  const published = await waitForEvent(({ type, image }) => type === 'image.member.delete' && image?.id === id);

  assert.equal(status, 404);
  assert.deepEqual(published['by'], { project: 'project-a', user: 'expiry', via: 'expiry', request_id: null });
  log('an offer with an end is invisible from its end on, and the schedule withdraws it within two minutes');
}
