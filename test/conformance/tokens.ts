import { UsageError } from '../../infra/usage-error.ts';

/** Tokens by caller of the recorded sequences. */
export type Tokens = Readonly<Record<string, string>>;

interface Credential {
  readonly id: string;
  readonly secret: string;
}

/**
 * Returns the tokens of callers, from `CONFORMANCE_TOKENS` or with the credentials in `CONFORMANCE_CREDENTIALS`:
 * application credentials at `CONFORMANCE_KEYSTONE_URL`, or clients of an OAuth 2.0 issuer at `CONFORMANCE_TOKEN_URL`,
 * which also receives the form parameters in `CONFORMANCE_TOKEN_PARAMETERS`. Returns undefined if neither is set.
 *
 * @param callers - the valid names of callers
 * @throws UsageError if a variable is not valid or a token is refused; no message contains a secret
 */
export async function loadTokens(env: NodeJS.ProcessEnv, callers: readonly string[]): Promise<Tokens | undefined> {
  const { CONFORMANCE_TOKENS: tokens, CONFORMANCE_CREDENTIALS: credentials } = env;
  if (tokens && credentials) {
    throw new UsageError('"CONFORMANCE_TOKENS" and "CONFORMANCE_CREDENTIALS" exclude each other; set one of them.');
  }
  if (tokens) return parseByCaller('CONFORMANCE_TOKENS', tokens, callers, 'a token', isText);
  if (!credentials) return undefined;
  const form = 'an object with "id" and "secret"';
  const byCaller = parseByCaller('CONFORMANCE_CREDENTIALS', credentials, callers, form, isCredential);
  const issue = issuerOf(env);
  const issued = Object.entries(byCaller).map(async ([name, credential]) => {
    const token = await issue(credential).catch((error: unknown) => {
      throw new UsageError(`"CONFORMANCE_CREDENTIALS" must be valid; got no token for "${name}": ${reason(error)}.`);
    });
    return [name, token] as const;
  });
  return Object.fromEntries(await Promise.all(issued));
}

function parseByCaller<Value>(
  variable: string,
  text: string,
  callers: readonly string[],
  form: string,
  isValid: (value: unknown) => value is Value,
): Readonly<Record<string, Value>> {
  const invalid = (problem: string) =>
    new UsageError(`"${variable}" must be a JSON object with ${form} for each caller; ${problem}.`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid('got no JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalid('got no object');
  for (const [name, value] of Object.entries(parsed)) {
    if (!callers.includes(name)) throw invalid(`"${name}" is none of ${callers.join(', ')}`);
    if (!isValid(value)) throw invalid(`the value of "${name}" is another`);
  }
  return parsed as Readonly<Record<string, Value>>;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const isCredential = (value: unknown): value is Credential =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  'secret' in value &&
  isText(value.id) &&
  isText(value.secret);

const timeoutMilliseconds = 30_000;

/** Returns a function that exchanges a credential for a token at the configured URL. */
function issuerOf(env: NodeJS.ProcessEnv): (credential: Credential) => Promise<string> {
  const { CONFORMANCE_KEYSTONE_URL: keystone, CONFORMANCE_TOKEN_URL: issuer } = env;
  if (Boolean(keystone) === Boolean(issuer)) {
    throw new UsageError(
      '"CONFORMANCE_CREDENTIALS" requires either "CONFORMANCE_KEYSTONE_URL" or "CONFORMANCE_TOKEN_URL".',
    );
  }
  const signal = () => AbortSignal.timeout(timeoutMilliseconds);
  if (keystone) {
    return async ({ id, secret }) => {
      const identity = { methods: ['application_credential'], application_credential: { id, secret } };
      const response = await fetch(`${keystone.replace(/\/+$/, '')}/auth/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ auth: { identity } }),
        signal: signal(),
      });
      return requireToken(response, response.headers.get('x-subject-token'));
    };
  }
  return async ({ id, secret }) => {
    const parameters = new URLSearchParams(env['CONFORMANCE_TOKEN_PARAMETERS'] ?? '');
    parameters.set('grant_type', 'client_credentials');
    const response = await fetch(String(issuer), {
      method: 'POST',
      // RFC 6749, section 2.3.1: the parts are form-encoded before they are joined.
      headers: { authorization: `Basic ${btoa([id, secret].map(encodeURIComponent).join(':'))}` },
      body: parameters,
      signal: signal(),
    });
    const body = (await response.json().catch(() => ({}))) as { readonly access_token?: unknown };
    return requireToken(response, body.access_token);
  };
}

function requireToken(response: Response, token: unknown): string {
  if (!response.ok || !isText(token)) throw new Error(`${response.url} responded with ${response.status}`);
  return token;
}

/** Returns the message of an error, or of its cause: `fetch` says only there why a connection failed. */
function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || String(cause) : message;
}
