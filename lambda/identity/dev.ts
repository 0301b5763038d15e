import { strongestRole } from '../domain/caller.ts';
import { parseProjectId, parseUserId } from '../domain/ids.ts';
import type { TokenVerifier } from './token-verifier.ts';

const tokenPattern = /^dev:([^:]+):([^:]+):([^:]*)$/;

/**
 * Creates a verifier that accepts every token of the form `dev:<user>:<project>:<role>[,<role>]`. It is for the local
 * server only: no deployable bundle contains this file.
 *
 * @throws Error inside AWS Lambda, even if a bundle contains it
 */
export function createDevVerifier(): TokenVerifier {
  if (process.env['AWS_EXECUTION_ENV'] !== undefined) {
    throw new Error('IDENTITY is "dev", which is for the local server only.');
  }
  return {
    challenge: 'Bearer',
    verify: (token) => {
      const [, user = '', project = '', roles = ''] = tokenPattern.exec(decode(token)) ?? [];
      const userId = parseUserId(user);
      const projectId = parseProjectId(project);
      const isComplete = userId !== undefined && projectId !== undefined;
      return Promise.resolve(isComplete ? { userId, projectId, role: strongestRole(roles.split(',')) } : undefined);
    },
  };
}

/** Decodes a token that a command-line client percent-encoded; other tokens stay the same. */
function decode(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return '';
  }
}
