import { strongestRole } from '../domain/caller.ts';
import { parseProjectId, parseUserId } from '../domain/ids.ts';
import type { TokenVerifier } from './token-verifier.ts';

const form = /^dev:([^:]+):([^:]+):([^:]*)$/;

/**
 * Believes every token of the form `dev:<user>:<project>:<role>[,<role>]`. For the local server only: no deployable
 * bundle has this file in it.
 *
 * @throws Error inside AWS Lambda, whatever the bundle
 */
export function createDevVerifier(): TokenVerifier {
  if (process.env['AWS_EXECUTION_ENV'] !== undefined) {
    throw new Error('IDENTITY is "dev", which is for the local server only.');
  }
  return {
    challenge: 'Bearer',
    verify: (token) => {
      const [, user = '', project = '', roles = ''] = form.exec(decode(token)) ?? [];
      const userId = parseUserId(user);
      const projectId = parseProjectId(project);
      const isComplete = userId !== undefined && projectId !== undefined;
      return Promise.resolve(isComplete ? { userId, projectId, role: strongestRole(roles.split(',')) } : undefined);
    },
  };
}

/** One of the command lines percent-encodes a token on its way; a genuine one has nothing that this would change. */
function decode(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return '';
  }
}
