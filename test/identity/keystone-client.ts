/** A body of the Identity API v3, of a shape that each caller knows. */
type Json = any;

/** Where a token is valid. */
export type Scope = { project: { id: string } } | { domain: { id: string } } | { system: { all: true } } | 'unscoped';

/** The Identity API v3 as its administrators and users call it. */
export class KeystoneClient {
  readonly #url: string;

  /** @param url - with /v3 and no slash at the end */
  constructor(url: string) {
    this.#url = url;
  }

  /** @throws Error if the answer is no success */
  async call(token: string, method: string, path: string, body?: object, headers = {}): Promise<Json> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { 'x-auth-token': token, 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} of Keystone is ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** A token by password. */
  async login(name: string, password: string, scope: Scope | { project: { name: string; domain: { id: string } } }) {
    const user = { name, password, domain: { id: 'default' } };
    return this.#token({ identity: { methods: ['password'], password: { user } }, scope });
  }

  /** A token by application credential. */
  async loginByCredential(id: string, secret: string) {
    return this.#token({
      identity: { methods: ['application_credential'], application_credential: { id, secret } },
    });
  }

  async #token(auth: object): Promise<{ token: string; userId: string; expiresAt: number }> {
    const response = await fetch(`${this.#url}/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth }),
      signal: AbortSignal.timeout(30_000),
    });
    const body = (await response.json()) as Json;
    const token = response.headers.get('x-subject-token');
    if (token === null) throw new Error(`Keystone gave no token: ${response.status} ${JSON.stringify(body)}`);
    return { token, userId: body.token.user.id, expiresAt: Date.parse(body.token.expires_at) };
  }

  async revoke(token: string): Promise<void> {
    await this.call(token, 'DELETE', '/auth/tokens', undefined, { 'x-subject-token': token });
  }

  async createProject(admin: string, name: string): Promise<string> {
    return (await this.call(admin, 'POST', '/projects', { project: { name, domain_id: 'default' } })).project.id;
  }

  async createUser(admin: string, name: string, password: string): Promise<string> {
    return (await this.call(admin, 'POST', '/users', { user: { name, password, domain_id: 'default' } })).user.id;
  }

  async grantRole(admin: string, role: string, userId: string, on: `/projects/${string}` | `/domains/${string}`) {
    const { roles } = await this.call(admin, 'GET', `/roles?name=${role}`);
    await this.call(admin, 'PUT', `${on}/users/${userId}/roles/${roles[0].id}`);
  }

  /** An application credential of the token's own user, restricted to these rules where there are any. */
  async createCredential(token: string, userId: string, name: string, rules?: readonly object[]) {
    const { application_credential: made } = await this.call(
      token,
      'POST',
      `/users/${userId}/application_credentials`,
      {
        application_credential: { name, ...(rules && { access_rules: rules }) },
      },
    );
    return { id: made.id as string, secret: made.secret as string };
  }

  /** Puts a service and its one address into the catalog. */
  async register(admin: string, type: string, url: string): Promise<void> {
    const { service } = await this.call(admin, 'POST', '/services', { service: { type, name: type } });
    await this.call(admin, 'POST', '/endpoints', {
      endpoint: { service_id: service.id, interface: 'public', url },
    });
  }
}
