/**
 * Kills the local server with SIGKILL while bulk requests run, and starts it again on the same data: each entry is
 * applied completely or not at all, every acknowledged entry is stored, and the same request completes the rest.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { tokenOf } from '../support/service.ts';
import { brokenInvariants } from './invariants.ts';
import { itemsOf, kill, startKillableServer, type KillableServer } from './killable-server.ts';

interface Result {
  readonly code: number;
  readonly error?: string;
}

const images = 25;
const projects = ['beta', 'gamma', 'delta', 'epsilon'];
const folder = mkdtempSync(join(tmpdir(), 'image-sharing-bulk-'));
let running: KillableServer | undefined;

const startedServer = (): KillableServer => {
  if (running === undefined) throw new Error('The server is not started.');
  return running;
};

afterAll(async () => {
  if (running !== undefined) await kill(running, ['server', 'engine']);
  rmSync(folder, { recursive: true });
});

async function send(method: string, path: string, as: string, body?: unknown): Promise<any> {
  const response = await fetch(`${startedServer().url}${path}`, {
    method,
    headers: { 'x-auth-token': tokenOf(as) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return response.json();
}

/** Sends a bulk request. Returns `undefined` if the server was killed before its response. */
const bulk = async (name: string, entries: readonly object[], as: string): Promise<readonly Result[] | undefined> =>
  send('POST', `/sharing/v1/${name}`, as, { [name]: entries }).then(
    ({ results }) => results as readonly Result[],
    () => undefined,
  );

const statusesOf = async (image: string): Promise<Readonly<Record<string, string>>> => {
  const { members } = await send('GET', `/v2/images/${image}/members`, 'alpha:member');
  return Object.fromEntries(
    (members as { member_id: string; status: string }[]).map((each) => [each.member_id, each.status]),
  );
};

/** Kills and restarts the server while requests run, at the latest when the first of them has a response. */
async function interrupt<Response>(milliseconds: number, requests: readonly Promise<Response>[]): Promise<Response[]> {
  await Promise.race([setTimeout(milliseconds), ...requests]);
  await kill(startedServer(), ['server', 'engine']);
  const responses = await Promise.all(requests);
  running = await startKillableServer(folder);
  return responses;
}

test.each([120, 500, 1500])(
  'bulk offers and bulk answers that are interrupted after %i ms are completed by the same requests',
  async (milliseconds) => {
    running ??= await startKillableServer(folder);
    const ids: string[] = [];
    for (let n = 0; n < images; n += 1) ids.push((await send('POST', '/v2/images', 'alpha:member', {})).id as string);
    const offers = ids.flatMap((image_id) => projects.map((member_id) => ({ image_id, member_id })));
    const answers = ids.map((image_id) => ({ image_id, status: 'accepted' }));

    const [acknowledged] = await interrupt(milliseconds, [bulk('offers', offers, 'alpha:member')]);

    expect(brokenInvariants(await itemsOf(startedServer()))).toEqual([]);
    const again = (await bulk('offers', offers, 'alpha:member'))!;
    const isDone = again.every(({ code, error }) => code === 200 || error === 'member-exists');
    expect({ isDone, results: isDone ? [] : again }).toEqual({ isDone: true, results: [] });
    // An acknowledged offer exists, so that its repetition is refused.
    for (const [n, { code }] of acknowledged?.entries() ?? []) {
      expect(code === 200 ? again[n]!.error : 'member-exists').toBe('member-exists');
    }

    await interrupt(
      milliseconds,
      projects.map((project) => bulk('answers', answers, `${project}:member`)),
    );

    expect(brokenInvariants(await itemsOf(startedServer()))).toEqual([]);
    for (const project of projects) {
      const results = (await bulk('answers', answers, `${project}:member`))!;
      expect(results.map(({ code }) => code)).toEqual(answers.map(() => 200));
    }
    const accepted = Object.fromEntries(projects.map((project) => [project, 'accepted']));
    for (const id of ids) expect(await statusesOf(id)).toEqual(accepted);
    const applied = again.filter(({ error }) => error === 'member-exists').length;
    process.stderr.write(`${applied} of ${offers.length} offers were made before the kill\n`);
  },
  120_000,
);
