import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { exampleCommands } from '../../infra/local/example-commands.ts';
import { versionsView } from '../../lambda/http/views/versions.ts';

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
  const shell = spawn('sh', ['-eu', '-c', script], {
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, [status]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'close')]);
  try {
    if (status !== 0) throw new Error(`The shell ended with ${status}.`);
    return output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  } catch (cause) {
    throw new Error(`The README session failed:\n${output}${errors}`, { cause });
  }
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
