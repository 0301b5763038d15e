/** `npm run test:conformance`: plays the recorded sequences of the reference server against a running service. */
import { parseArguments } from '../../infra/parse-arguments.ts';
import { ArgumentError, runCommand, UsageError } from '../../infra/usage-error.ts';
import { callersWithToken, deleteImage, findProjects, missingCallers, withTokens } from './identities.ts';
import { caseTitle, playCase, send, type Case, type PlayOptions } from './player.ts';
import { playedCases, suite, uploadsData } from './recorded-cases.ts';
import { serveData } from './serve-data.ts';
import { loadTokens, type Tokens } from './tokens.ts';

const usage = `Usage: npm run test:conformance -- --url <URL> [--imports] [--only <pattern>]

Plays the recorded sequences of the reference server against the service at a URL, such as http://127.0.0.1:9292 or the
output ApiUrl of a stack. Without tokens it uses those of the test identity, which only the local server accepts.

  CONFORMANCE_TOKENS            JSON object: a token for each caller
  CONFORMANCE_CREDENTIALS       instead: {"<caller>": {"id": "…", "secret": "…"}, …}, exchanged for tokens at
  CONFORMANCE_KEYSTONE_URL        Keystone's URL, with /v3: application credentials
  CONFORMANCE_TOKEN_URL           or the token endpoint of an OAuth 2.0 issuer: client credentials
  CONFORMANCE_TOKEN_PARAMETERS    form parameters for the issuer, such as "resource=https://images.example"

  --imports    also plays the cases that upload data, with imports from a server on 127.0.0.1 of this machine, which the
               service must be allowed to read
  --only       plays only the cases whose title, such as "put-matrix/member sets accepted", matches a regular expression

Callers: ${callersWithToken(suite).join(', ')}.
"owner" and "member" are required. Cases of other callers without a token are skipped.`;

/** Callers that nearly all cases require. */
const requiredCallers = ['owner', 'member'];

/** Number of parallel cases with projects of their own, so that pauses of a case do not delay the others. */
const parallelCases = 8;

await runCommand(usage, async (args) => {
  const { base, imports, only } = parseOptions(args);
  await assertIsReachable(base);
  const tokens = await loadTokens(process.env, callersWithToken(suite));
  const skipped = new Map<string, readonly string[]>();
  const failed: string[] = [];
  let passed = 0;
  const report = (recorded: Case, problems: readonly string[]): void => {
    if (problems.length === 0) {
      passed += 1;
      return;
    }
    failed.push(caseTitle(recorded));
    console.log(`not ok ${caseTitle(recorded)}\n${problems.map((problem) => `    ${problem}`).join('\n')}`);
  };

  const urlOfData = imports ? (await serveData()).urlOf : undefined;
  const selected = playedCases.filter((recorded) => only.test(caseTitle(recorded)));
  const cases = imports ? selected : selected.filter((recorded) => !uploadsData(recorded));
  if (!imports) console.log(`${selected.length - cases.length} cases skipped, because they require "--imports".`);
  if (tokens === undefined) {
    await assertAcceptsTestIdentity(base);
    const waiting = cases.values();
    const playWaiting = async (): Promise<void> => {
      for (const recorded of waiting) report(recorded, await playCase(recorded, suite.callers, base, { urlOfData }));
    };
    await Promise.all(Array.from({ length: parallelCases }, playWaiting));
  } else {
    const missing = requiredCallers.filter((name) => tokens[name] === undefined);
    if (missing.length > 0) throw new UsageError(`A token for ${quoted(missing)} is required.`);
    const projects = await findProjects(suite, tokens, base);
    // One after another, because all cases share the projects of the tokens.
    for (const recorded of cases) {
      const without = missingCallers(recorded, suite, tokens);
      if (without.length > 0) skipped.set(caseTitle(recorded), without);
      else report(recorded, await playWithTokens(recorded, base, tokens, { projects, urlOfData }));
    }
  }
  if (skipped.size > 0) {
    const callers = new Set([...skipped.values()].flat());
    console.log(`${skipped.size} cases skipped, because they require a token for ${quoted([...callers])}.`);
  }
  console.log(`${passed} passed, ${failed.length} failed`);
  if (failed.length > 0) process.exitCode = 1;
});

/** Plays a case with the projects of the tokens and deletes the images that it created. */
async function playWithTokens(
  recorded: Case,
  base: string,
  tokens: Tokens,
  options: PlayOptions,
): Promise<readonly string[]> {
  const created: (readonly [id: string, caller: string])[] = [];
  const problems = await playCase(recorded, withTokens(suite, tokens), base, {
    ...options,
    onImageCreated: (id, caller) => created.push([id, caller]),
  });
  const left: string[] = [];
  for (const [id, caller] of created) {
    // An admin may also delete an image that the case gave to another project.
    const sentence = await deleteImage(base, id, tokens['admin'] ?? tokens[caller] ?? '');
    if (sentence !== undefined) left.push(sentence);
  }
  return [...problems, ...left];
}

async function assertIsReachable(base: string): Promise<void> {
  await send(base, 'GET', '/', {}, undefined).catch((error: unknown) => {
    throw new UsageError(
      `"--url" must be the URL of a running service; ${base} cannot be reached: ${(error as Error).message}.`,
    );
  });
}

async function assertAcceptsTestIdentity(base: string): Promise<void> {
  const headers = { 'X-Auth-Token': 'dev:conformance:conformance:member' };
  const { status } = await send(base, 'GET', '/v2/images?limit=1', headers, undefined);
  if (status !== 200) {
    throw new UsageError(
      `The service at ${base} responds with ${status} to a token of the test identity; set "CONFORMANCE_TOKENS" or "CONFORMANCE_CREDENTIALS".`,
    );
  }
}

interface Options {
  readonly base: string;
  readonly imports: boolean;
  readonly only: RegExp;
}

function parseOptions(args: readonly string[]): Options {
  const options = { url: { type: 'string' }, imports: { type: 'boolean' }, only: { type: 'string' } } as const;
  const { url, imports = false, only = '' } = parseArguments(args, options).values;
  if (url === undefined) throw new ArgumentError('"--url" is required: the URL of a running service.');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`"--url" must be an http or https URL; got ${JSON.stringify(url)}.`);
  }
  return { base: url.replace(/\/+$/, ''), imports, only: parsePattern(only) };
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new UsageError(`"--only" must be a regular expression; got ${JSON.stringify(text)}.`, { cause: error });
  }
}
