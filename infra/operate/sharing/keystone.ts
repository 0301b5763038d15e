import { z } from 'zod';
import { printable } from '../../printable.ts';
import { UsageError } from '../../usage-error.ts';
import type { JsonResponse, SendJson } from './json-client.ts';

/** Variables of an OpenStack client. An empty variable counts as absent. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A token of a project. */
export interface Authentication {
  readonly token: string;
  readonly catalog: Catalog;
}

const catalogSchema = z.array(
  z.looseObject({
    type: z.string(),
    endpoints: z.array(
      z.looseObject({
        interface: z.string(),
        region: z.string().nullish(),
        region_id: z.string().nullish(),
        url: z.string(),
      }),
    ),
  }),
);

/** The services of a cloud and their endpoints. */
export type Catalog = z.infer<typeof catalogSchema>;

/** A Keystone, Identity API v3. */
export class Keystone {
  readonly #send: SendJson;
  readonly #url: string;

  /**
   * @param authUrl - with or without `/v3`
   * @throws UsageError if the URL is invalid
   */
  constructor(send: SendJson, authUrl: string) {
    this.#send = send;
    const { origin, pathname } = parseUrl('OS_AUTH_URL', authUrl);
    const path = pathname.replace(/\/+$/, '');
    this.#url = `${origin}${path.endsWith('/v3') ? path : `${path}/v3`}/auth`;
  }

  /**
   * Returns a token for the account and the project of the variables.
   *
   * @throws UsageError if a variable is missing or Keystone refuses them; it contains no secret
   */
  async authenticate(env: Environment): Promise<Authentication> {
    const response = await this.#send({
      method: 'POST',
      url: `${this.#url}/tokens`,
      headers: {},
      body: authRequestBody(env),
    });
    const token = response.headers['x-subject-token'];
    if (response.status !== 201 || typeof token !== 'string') throw this.#refusal(response, 'the account');
    const parsed = z.object({ token: z.object({ catalog: catalogSchema.default([]) }) }).safeParse(response.body);
    if (!parsed.success) throw this.#refusal(response, 'the account');
    return { token, catalog: parsed.data.token.catalog };
  }

  /** Returns the catalog for a token. @throws UsageError if Keystone refuses the token */
  async readCatalog(token: string): Promise<Catalog> {
    const response = await this.#send({
      method: 'GET',
      url: `${this.#url}/catalog`,
      headers: { 'x-auth-token': token },
    });
    const parsed = z.object({ catalog: catalogSchema }).safeParse(response.body);
    if (response.status !== 200 || !parsed.success) throw this.#refusal(response, 'the token of OS_TOKEN');
    return parsed.data.catalog;
  }

  #refusal({ status, body }: JsonResponse, subject: string): UsageError {
    if (status === 401) {
      return new UsageError(
        `Keystone refused ${subject} (401): check the variables OS_* and the expiry of the account or the token.`,
      );
    }
    const fault = z.object({ error: z.object({ message: z.string() }) }).safeParse(body);
    const reason = fault.success ? `: ${printable(fault.data.error.message)}` : ' without a fault of Keystone';
    return new UsageError(`${this.#url} responded ${status}${reason}. Check OS_AUTH_URL, or try again later.`);
  }
}

/**
 * Parses a URL of HTTP or HTTPS.
 *
 * @param name - name of the setting for the error message
 * @throws UsageError if the URL is invalid or has user information, which would be printed
 */
export function parseUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new UsageError(`"${name}" must be a URL such as https://images.example.org, without a user and a password.`);
  }
  return url;
}

/**
 * Returns the body that authenticates the account of the variables (Identity API v3, `POST /v3/auth/tokens`).
 *
 * @throws UsageError that names the first missing variable
 */
function authRequestBody(env: Environment): object {
  const require = (name: string, purpose: string, alternative = ''): string => {
    const value = env[name];
    if (value) return value;
    throw new UsageError(`"${name}" is missing: set it to ${purpose}${alternative}.`);
  };
  const domain = (kind: 'USER' | 'PROJECT') => {
    const [id, name] = [env[`OS_${kind}_DOMAIN_ID`], env[`OS_${kind}_DOMAIN_NAME`]];
    return id ? { id } : name ? { name } : { id: 'default' };
  };
  const user = () => ({
    name: require('OS_USERNAME', 'the name of the user', ', or set OS_TOKEN'),
    domain: domain('USER'),
  });

  const [id, name] = [env['OS_APPLICATION_CREDENTIAL_ID'], env['OS_APPLICATION_CREDENTIAL_NAME']];
  if (id || name) {
    const secret = require('OS_APPLICATION_CREDENTIAL_SECRET', 'the secret of the application credential');
    const credential = id ? { id, secret } : { name, secret, user: user() };
    return { auth: { identity: { methods: ['application_credential'], application_credential: credential } } };
  }
  const password = { user: { ...user(), password: require('OS_PASSWORD', 'the password of the user') } };
  const project = env['OS_PROJECT_ID']
    ? { id: env['OS_PROJECT_ID'] }
    : {
        name: require('OS_PROJECT_NAME', 'the name of the project', ', or set OS_PROJECT_ID to its id'),
        domain: domain('PROJECT'),
      };
  return { auth: { identity: { methods: ['password'], password }, scope: { project } } };
}
