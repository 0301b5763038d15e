import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const readme = join(import.meta.dirname, '..', '..', 'README.md');
const defaultUrl = 'http://127.0.0.1:9292';

/**
 * Returns shell commands to try the server with: the session of the README, with this server's address.
 *
 * @param url - the server's address, without a slash at the end
 * @param identity - the kind of token verifier; with any other than `dev`, a token must come from elsewhere
 * @throws Error if the README has no session for the default address
 */
export function exampleCommands(url: string, identity = 'dev'): string {
  if (identity !== 'dev') return `curl -sS ${url}/v2/images -H "X-Auth-Token: $TOKEN" -w '\\n'`;
  const session = /^```sh\n(images=.+?)\n```$/ms.exec(readFileSync(readme, 'utf8'))?.[1];
  if (!session?.includes(defaultUrl)) {
    throw new Error(`README.md must have a shell block that begins with "images=${defaultUrl}".`);
  }
  return session.replace(defaultUrl, url);
}
