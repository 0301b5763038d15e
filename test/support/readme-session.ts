import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { exampleCommands } from '../../infra/local/example-commands.ts';
import { versionsView } from '../../lambda/http/views/versions.ts';

const checkout = join(import.meta.dirname, '..', '..');
const readme = join(checkout, 'README.md');
const curlStandIn = `curl() { "${process.execPath}" "${join(import.meta.dirname, 'curl.ts')}" "$@"; }`;

/**
 * Runs the session of the README against a server, as a person does who pastes it into a shell.
 *
 * @param curl - the machine's own, or the stand-in for machines that have none
 * @returns one value for each command that prints: parsed JSON
 * @throws Error with the output if a command fails, or prints anything but JSON
 */
export async function runReadmeSession(base: string, curl: 'curl' | 'stand-in'): Promise<readonly unknown[]> {
  const script = [...(curl === 'stand-in' ? [curlStandIn] : []), exampleCommands(base)].join('\n');
  const output = await runShell(script);
  try {
    return output.map((line) => JSON.parse(line) as unknown);
  } catch (cause) {
    throw new Error(`The README session printed:\n${output.join('\n')}`, { cause });
  }
}

/**
 * Runs the commands of the README's section on the sharing API against a server, with stand-ins for curl and npm.
 *
 * @returns the lines of their output
 * @throws Error with the output if a command fails
 */
export async function runSharingSession(base: string): Promise<readonly string[]> {
  const session = /^```sh\n(export OS_IMAGE_ENDPOINT_OVERRIDE=.+?)\n```$/ms.exec(readFileSync(readme, 'utf8'))?.[1];
  if (session === undefined) {
    throw new Error('README.md must have a shell block that begins with "export OS_IMAGE_ENDPOINT_OVERRIDE=".');
  }
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    scripts: { sharing: string };
  };
  // The arguments of npm are `run sharing -- …`.
  const npmStandIn = `npm() { shift 3; ${scripts.sharing} "$@"; }`;
  return runShell([curlStandIn, npmStandIn, session.replace('http://127.0.0.1:9292', base)].join('\n'));
}

async function runShell(script: string): Promise<readonly string[]> {
  const shell = spawn('sh', ['-eu', '-c', script], {
    cwd: checkout,
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, [status]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'close')]);
  if (status !== 0) throw new Error(`The shell of the README session ended with ${status}:\n${output}${errors}`);
  return output.trimEnd().split('\n');
}

/** The parts of the session's output that matter, in order, for the server and the image that the session creates. */
export const expectedSession = (base: string, id: unknown): readonly unknown[] => [
  { id, name: 'golden', owner: 'alpha', visibility: 'shared', status: 'queued' },
  202,
  { member_id: 'beta', image_id: id, status: 'pending', schema: '/v2/schemas/member' },
  { member_id: 'beta', image_id: id, status: 'accepted', schema: '/v2/schemas/member' },
  { images: [{ id, name: 'golden', owner: 'alpha', status: 'active' }] },
  versionsView(base),
  204,
  { code: '404 Not Found', error: 'image-not-found' },
];
