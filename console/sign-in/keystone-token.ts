import { fetchFields } from '../api/fetch-fields.ts';
import { Problem } from '../api/problem.ts';

/** A user, identified by its name, and the project of the token. */
export interface PasswordCredentials {
  readonly user: string;
  /** Id of the user's domain. */
  readonly userDomain: string;
  readonly password: string;
  readonly project: string;
  /** Id of the project's domain. */
  readonly projectDomain: string;
}

/** An application credential. It belongs to one project. */
export interface ApplicationCredential {
  readonly id: string;
  readonly secret: string;
}

/** Returns the body of the request for a token of a project. */
export function authRequestBody(credentials: PasswordCredentials | ApplicationCredential): object {
  if ('secret' in credentials) {
    const { id, secret } = credentials;
    return { auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } } };
  }
  const { user, userDomain, password, project, projectDomain } = credentials;
  return {
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { name: user, domain: { id: userDomain }, password } },
      },
      scope: { project: { name: project, domain: { id: projectDomain } } },
    },
  };
}

/**
 * Requests a token from Keystone. Nothing keeps the credentials after the request.
 *
 * @param url - URL of version 3 of the identity API
 * @throws Problem for each failure
 */
export async function requestKeystoneToken(
  url: string,
  credentials: PasswordCredentials | ApplicationCredential,
): Promise<string> {
  const { response, fields } = await fetchFields(`${url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(authRequestBody(credentials)),
  }).catch(() => {
    // The browser does not tell the page the reason.
    throw new Problem(
      'temporary',
      `Keystone at ${new URL(url).origin} cannot be reached from this page. Check your network connection. If Keystone runs, ` +
        `its operator must allow the origin ${location.origin} in the section [cors] of its configuration.`,
    );
  });
  if (response.ok) {
    const token = response.headers.get('x-subject-token');
    if (token !== null) return token;
    throw new Problem(
      'refused',
      'Keystone hides the token from this page: its operator must expose the header X-Subject-Token in the section [cors] ' +
        'of its configuration.',
    );
  }
  throw keystoneProblem(response.status, messageOf(fields), 'secret' in credentials);
}

function keystoneProblem(status: number, message: string, isApplicationCredential: boolean): Problem {
  const says = message === '' ? '' : ` Keystone says: ${message}`;
  if (status === 401) {
    const causes = isApplicationCredential
      ? 'the id and the secret; the credential may also have expired'
      : 'the user, the password, the project and both domains';
    return new Problem('refused', `Keystone refused the sign-in. Check ${causes}.${says}`);
  }
  return status >= 500 || status === 429
    ? new Problem('temporary', `Keystone failed with status ${status}. Try again later.${says}`)
    : new Problem('refused', `Keystone refused the sign-in with status ${status}.${says}`);
}

/** Returns the sentence of an error response of Keystone; empty if it has none. */
function messageOf({ error }: Readonly<Record<string, unknown>>): string {
  const { message } = Object(error) as { readonly message?: unknown };
  return typeof message === 'string' ? message : '';
}
