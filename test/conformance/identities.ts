import { UsageError } from '../../infra/usage-error.ts';
import { send, type Answer, type Case, type Suite } from './player.ts';
import type { Tokens } from './tokens.ts';

/** Callers without a token of the service. */
const withoutToken = ['anonymous', 'badtoken'];

/** Returns the names of callers that require a token. */
export const callersWithToken = ({ callers }: Suite): readonly string[] =>
  Object.keys(callers).filter((name) => !withoutToken.includes(name));

/** Returns the callers that send a request in a case, require a token and have none. */
export function missingCallers(recorded: Case, suite: Suite, tokens: Tokens): readonly string[] {
  const used = new Set(recorded.steps.flatMap((step) => ('request' in step ? (step.request.caller ?? []) : [])));
  return callersWithToken(suite).filter((name) => used.has(name) && tokens[name] === undefined);
}

/** Returns the callers of the sequences with these tokens in place of those of the test identity. */
export const withTokens = ({ callers }: Suite, tokens: Tokens): Suite['callers'] =>
  Object.fromEntries(
    Object.entries(callers).map(([name, caller]) => {
      const token = tokens[name];
      return [name, token === undefined ? caller : { ...caller, token }];
    }),
  );

/**
 * Finds the project of each token by an image that it creates and deletes. The projects of callers that are no other
 * caller's must be distinct, and the project of "owner" must have no images, because lists are compared exactly.
 *
 * @throws UsageError if a token is refused, or if a project is not as required
 */
export async function findProjects(
  suite: Suite,
  tokens: Tokens,
  base: string,
): Promise<Readonly<Record<string, string>>> {
  const projects: Record<string, string> = {};
  const own = Object.entries(suite.callers).filter(([name, { project }]) => project === `{{${name}}}`);
  for (const [name] of own) {
    const token = tokens[name];
    if (token === undefined) continue;
    const created = await sendJson(base, 'POST', '/v2/images', token, { name: 'conformance' });
    if (created.status !== 201) {
      throw new UsageError(
        `The token of "${name}" must be allowed to create an image in a project of its own; got ${described(created)}.`,
      );
    }
    const { id, owner } = JSON.parse(created.body.toString('utf8')) as { readonly id: string; readonly owner: string };
    await deleteImage(base, id, token);
    const [same] = Object.entries(projects).find(([, project]) => project === owner) ?? [];
    if (same !== undefined) {
      throw new UsageError(
        `The tokens of "${same}" and "${name}" must be of different projects; both are of "${owner}".`,
      );
    }
    projects[name] = owner;
  }
  const { owner } = projects;
  if (owner !== undefined) await assertHasNoImages(base, owner, tokens['owner'] ?? '');
  return projects;
}

async function assertHasNoImages(base: string, project: string, token: string): Promise<void> {
  for (const hidden of ['false', 'true']) {
    const query = new URLSearchParams({ owner: project, os_hidden: hidden, limit: '1' });
    const listed = await sendJson(base, 'GET', `/v2/images?${query.toString()}`, token);
    const { images = [] } = JSON.parse(listed.body.toString('utf8')) as { readonly images?: readonly unknown[] };
    if (listed.status !== 200 || images.length > 0) {
      const got = listed.status === 200 ? 'some' : described(listed);
      throw new UsageError(`The project of "owner", "${project}", must have no images; got ${got}.`);
    }
  }
}

/**
 * Deletes an image that a case created, unless it is deleted already. Removes its protection first.
 *
 * @returns a sentence if it could not be deleted
 */
export async function deleteImage(base: string, id: string, token: string): Promise<string | undefined> {
  const path = `/v2/images/${id}`;
  let deleted = await sendJson(base, 'DELETE', path, token);
  if (deleted.status === 403) {
    const unprotect = [{ op: 'replace', path: '/protected', value: false }];
    await sendJson(base, 'PATCH', path, token, unprotect, 'application/openstack-images-v2.1-json-patch');
    deleted = await sendJson(base, 'DELETE', path, token);
  }
  return [204, 404].includes(deleted.status) ? undefined : `The image ${id} is left: ${described(deleted)}.`;
}

function sendJson(
  base: string,
  method: string,
  path: string,
  token: string,
  json?: unknown,
  contentType = 'application/json',
): Promise<Answer> {
  const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
  const headers = {
    'X-Auth-Token': token,
    ...(body && { 'Content-Type': contentType, 'Content-Length': String(body.length) }),
  };
  return send(base, method, path, headers, body);
}

function described({ status, body }: Answer): string {
  const [, message] = /"message": ?"([^"]*)"/.exec(body.toString('utf8')) ?? [];
  return message === undefined ? String(status) : `${status} ${JSON.stringify(message)}`;
}
