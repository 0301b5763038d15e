/**
 * Kills the local server under load with SIGKILL and starts it again on the same data: every acknowledged write is stored,
 * and requests without a response can be repeated.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { memberStatuses, type MemberStatus } from '../../lambda/domain/membership.ts';
import { tokenOf } from '../support/service.ts';
import { brokenInvariants } from './invariants.ts';
import { isGone, itemsOf, kill, startKillableServer, type KillableServer } from './killable-server.ts';

const acknowledgedBeforeKill = 200;
const clients = 8;
const projects = ['beta', 'gamma', 'delta'];

/** The acknowledged state of an image. */
interface KnownImage {
  readonly id: string;
  readonly exists: boolean;
  readonly isShared: boolean;
  readonly members: Readonly<Record<string, MemberStatus>>;
}

/** A write, and the state of its image after it is acknowledged. */
interface Write {
  readonly method: string;
  readonly path: string;
  readonly as: string;
  readonly body?: unknown;
  readonly after: KnownImage;
}

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-crash-'));
const known = new Map<string, KnownImage>();
let server: KillableServer | undefined;

afterAll(async () => {
  if (server !== undefined) await kill(server, ['server', 'engine']);
  rmSync(folder, { recursive: true });
});

test.each([
  ['the server', ['server']],
  ['the server and its engine', ['server', 'engine']],
  ['the server again', ['server']],
  ['the engine, and the server with it,', ['engine']],
] as const)(
  'every acknowledged write is stored after a SIGKILL of %s',
  async (_what, victims) => {
    const before = (server ??= await startKillableServer(folder));

    const unanswered = await writeUntilKilled(before, victims);
    server = await startKillableServer(folder);

    expect(await isGone(before.engine.pid)).toBe(true); // no process writes to the same data
    const certain = [...known.values()].filter(({ id }) => !unanswered.some(({ after }) => after.id === id));
    expect(await readImages(server, certain)).toEqual(certain);
    expect(brokenInvariants(await itemsOf(server), { changesMayBePending: true })).toEqual([]);
    for (const write of unanswered) await repeat(server, write);
    const all = [...known.values()];
    expect(await readImages(server, all)).toEqual(all);
    expect(brokenInvariants(await itemsOf(server))).toEqual([]);
    process.stderr.write(`${all.length} images found again, ${unanswered.length} requests had not been answered\n`);
  },
  120_000,
);

/** Repeats a write without a response. The write is applied after that, whether or not it was applied before. */
async function repeat(running: KillableServer, write: Write): Promise<void> {
  const status = await send(running, write);
  const isDone = { POST: [200, 201, 409], PUT: [200], PATCH: [200], DELETE: [204, 404] }[write.method]!;
  expect({ ...write, status, isDone: isDone.includes(status) }).toEqual({ ...write, status, isDone: true });
  known.set(write.after.id, write.after);
}

/** Reads images as their owner and in the lists of their members. */
async function readImages({ url }: KillableServer, images: readonly KnownImage[]): Promise<readonly KnownImage[]> {
  const get = async (path: string, as: string): Promise<any> =>
    (await fetch(`${url}${path}`, { headers: headersOf(as) })).json();
  const listed = new Map<string, ReadonlySet<string>>();
  for (const project of projects) {
    for (const status of memberStatuses) {
      const query = `?limit=1000&visibility=shared&member_status=${status}`;
      const { images: list } = await get(`/v2/images${query}`, `${project}:reader`);
      listed.set(`${project} ${status}`, new Set((list as { id: string }[]).map(({ id }) => id)));
    }
  }

  const seen: KnownImage[] = [];
  for (const { id } of images) {
    const { visibility } = await get(`/v2/images/${id}`, 'alpha:reader');
    const { members = [] } = await get(`/v2/images/${id}/members`, 'alpha:reader');
    const statuses = (members as { member_id: string; status: MemberStatus }[]).map((each): [string, MemberStatus] => [
      each.member_id,
      each.status,
    ]);
    const lists = [...listed].filter(([, ids]) => ids.has(id)).map(([list]) => list);
    expect(lists.toSorted()).toEqual(statuses.map((each) => each.join(' ')).toSorted());
    seen.push({
      id,
      exists: visibility !== undefined,
      isShared: visibility === 'shared',
      members: Object.fromEntries(statuses),
    });
  }
  return seen;
}

/**
 * Writes from several clients in parallel until enough writes are acknowledged, then kills the victims.
 *
 * @returns the requests without a response
 */
async function writeUntilKilled(
  running: KillableServer,
  victims: readonly ('server' | 'engine')[],
): Promise<readonly Write[]> {
  const unanswered: Write[] = [];
  let acknowledged = 0;
  let ended: Promise<void> | undefined;

  const client = async (): Promise<void> => {
    for (const write of writes()) {
      const status = await send(running, write).catch(() => undefined);
      if (status === undefined || status >= 300) {
        if (ended === undefined) throw new Error(`${write.method} ${write.path} got ${status}.`);
        unanswered.push(write);
        return;
      }
      known.set(write.after.id, write.after);
      acknowledged += 1;
      if (acknowledged >= acknowledgedBeforeKill) ended ??= kill(running, victims);
    }
  };

  await Promise.all(Array.from({ length: clients }, client));
  await ended;
  expect(acknowledged).toBeGreaterThanOrEqual(acknowledgedBeforeKill);
  return unanswered;
}

/** Yields the writes of an owner and members for one image after another, endlessly. */
function* writes(): Generator<Write> {
  for (let n = 0; ; n += 1) {
    const id = randomUUID();
    const path = `/v2/images/${id}`;
    let image: KnownImage = { id, exists: true, isShared: true, members: {} };
    const write = (method: string, to: string, as: string, body: unknown, after: Partial<KnownImage>): Write => {
      image = { ...image, ...after };
      return { method, path: to, as: `${as}:member`, ...(body !== undefined && { body }), after: image };
    };
    const offer = (project: string): Write =>
      write(
        'POST',
        `${path}/members`,
        'alpha',
        { member: project },
        { members: { ...image.members, [project]: 'pending' } },
      );
    const answer = (project: string, status: MemberStatus): Write =>
      write(
        'PUT',
        `${path}/members/${project}`,
        project,
        { status },
        { members: { ...image.members, [project]: status } },
      );
    const withdraw = (project: string): Write => {
      const { [project]: _gone, ...members } = image.members;
      return write('DELETE', `${path}/members/${project}`, 'alpha', undefined, { members });
    };

    yield write('POST', '/v2/images', 'alpha', { id, name: `image ${n}` }, {});
    for (const project of projects) yield offer(project);
    yield answer('beta', 'accepted');
    yield answer('gamma', 'rejected');
    yield withdraw('gamma');
    yield offer('gamma');
    yield answer('gamma', 'accepted');
    yield withdraw('delta');
    if (n % 3 === 1) yield write('DELETE', path, 'alpha', undefined, { exists: false, isShared: false, members: {} });
    if (n % 3 === 2) {
      const { members } = image;
      const visibility = (value: string) => [{ op: 'replace', path: '/visibility', value }];
      yield write('PATCH', path, 'alpha', visibility('private'), { isShared: false, members: {} });
      yield write('PATCH', path, 'alpha', visibility('shared'), { isShared: true, members });
    }
  }
}

async function send({ url }: KillableServer, { method, path, as, body }: Write): Promise<number> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: headersOf(as, method),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

const headersOf = (as: string, method = 'GET'): Record<string, string> => ({
  'x-auth-token': tokenOf(as),
  ...(method === 'PATCH' && { 'content-type': 'application/openstack-images-v2.1-json-patch' }),
});
