import { callerWithoutProject, strongestRole } from '../domain/caller.ts';
import type { Clock } from '../domain/clock.ts';
import { identityUnavailable } from '../domain/errors.ts';
import { parseProjectId, parseUserId } from '../domain/ids.ts';
import type { AccessRule } from './access-rules.ts';
import type { TokenVerifier, VerifiedToken } from './token-verifier.ts';
import { jsonClient, type JsonResponse, type JsonRequest } from './json-client.ts';
import { ProviderCalls, sendWithRetry, shared } from './provider-calls.ts';
import { authRequestBody, parseServiceAccount } from './service-account.ts';
import type { KeystoneSettings, ServiceAccount } from './settings.ts';
import { TokenCache } from './token-cache.ts';

/** Reads the text of a secret by its ARN. */
export type ReadSecret = (arn: string) => Promise<string>;

/** Pause after a failed authentication of the account, because repeated failures can lock it. */
const authFailureBackoffMilliseconds = 30_000;
/** Time before the expiry of the account's token at which it is renewed. */
const renewalMilliseconds = 60_000;

/**
 * Creates a verifier that validates tokens with Keystone (Identity API v3, `GET /v3/auth/tokens`). It caches valid
 * tokens only, for the configured time.
 *
 * @param readSecret - reads the secret of the service account, if the settings name one
 */
export function createKeystoneVerifier(
  settings: KeystoneSettings,
  readSecret: ReadSecret,
  clock: Clock = () => new Date(),
): TokenVerifier {
  const { authUrl, cacheSeconds } = settings;
  const keystone = connectKeystone(settings, clock);
  const cache = new TokenCache<VerifiedToken>();
  const account =
    settings.account &&
    new ServiceAccountToken({
      account: settings.account,
      keystone,
      readSecret,
      secretReads: new ProviderCalls(settings.timeoutSeconds, clock),
      clock,
    });

  const validate = async (token: string): Promise<JsonResponse> => {
    if (account === undefined) return keystone.validate(token, token);
    const authToken = await account.token();
    const response = await keystone.validate(token, authToken);
    // Keystone can revoke the account's token before its expiry.
    return response.status === 401 ? keystone.validate(token, await account.tokenAfter(authToken)) : response;
  };

  return {
    challenge: `Keystone uri="${authUrl}"`,
    verify: async (token) => {
      // Other characters cannot be sent in a header, and no token contains them.
      if (!/^[\x21-\x7e]+$/.test(token)) return undefined;
      const now = clock().getTime();
      const cached = cache.get(token, now);
      if (cached !== undefined) return cached;
      const { status, body } = await validate(token);
      if (status === 404 || (status === 401 && account === undefined)) return undefined;
      if (status !== 200) {
        throw identityUnavailable(new Error(`Keystone must respond 200 to a token validation; got ${status}.`));
      }
      const { expiresAt, verifiedToken } = parseTokenResponse(body);
      if (verifiedToken === undefined || expiresAt <= now) return undefined;
      cache.set(token, verifiedToken, Math.min(expiresAt, now + cacheSeconds * 1000));
      return verifiedToken;
    },
  };
}

interface Keystone {
  validate(token: string, authToken: string): Promise<JsonResponse>;
  authenticate(account: ServiceAccount): Promise<JsonResponse>;
}

function connectKeystone({ authUrl, certificateFile, timeoutSeconds }: KeystoneSettings, clock: Clock): Keystone {
  const send = jsonClient(certificateFile);
  const calls = new ProviderCalls(timeoutSeconds, clock);
  const url = `${authUrl}/auth/tokens`;
  const request = (json: JsonRequest) => calls.run((signal) => sendWithRetry(send, json, signal));
  return {
    validate: (token, authToken) =>
      request({
        method: 'GET',
        url: `${url}?nocatalog`,
        headers: { 'x-subject-token': token, 'x-auth-token': authToken, 'openstack-identity-access-rules': '1' },
      }),
    authenticate: (account) =>
      request({ method: 'POST', url: `${url}?nocatalog`, headers: {}, body: authRequestBody(account) }),
  };
}

interface ServiceAccountDependencies {
  readonly account: NonNullable<KeystoneSettings['account']>;
  readonly keystone: Keystone;
  readonly readSecret: ReadSecret;
  readonly secretReads: ProviderCalls;
  readonly clock: Clock;
}

/** Token of the service account. It is requested at first use, before its expiry, and after Keystone refuses it. */
class ServiceAccountToken {
  readonly #dependencies: ServiceAccountDependencies;
  readonly #renew = shared(() => this.#authenticate());
  #current: { readonly token: string; readonly expiresAt: number } | undefined;
  #pausedUntil = 0;

  constructor(dependencies: ServiceAccountDependencies) {
    this.#dependencies = dependencies;
  }

  /** Returns the current token. @throws SharingError `identity-unavailable` if the account cannot get a token */
  async token(): Promise<string> {
    const current = this.#current;
    const isFresh =
      current !== undefined && this.#dependencies.clock().getTime() < current.expiresAt - renewalMilliseconds;
    return isFresh ? current.token : this.#renew();
  }

  /** Returns a token that replaces one that Keystone refused. */
  async tokenAfter(refused: string): Promise<string> {
    return this.#current === undefined || this.#current.token === refused ? this.#renew() : this.#current.token;
  }

  async #authenticate(): Promise<string> {
    const now = this.#dependencies.clock().getTime();
    if (now < this.#pausedUntil)
      throw identityUnavailable(new Error('Keystone refused the service account less than 30 s ago.'));
    const { status, headers, body } = await this.#dependencies.keystone.authenticate(await this.#readAccount());
    const token = headers['x-subject-token'];
    if (status !== 201 || typeof token !== 'string') {
      this.#pausedUntil = now + authFailureBackoffMilliseconds;
      throw identityUnavailable(
        new Error(`Keystone must respond 201 with a token to the service account; got ${status}.`),
      );
    }
    this.#current = { token, expiresAt: parseTokenResponse(body).expiresAt };
    return token;
  }

  // Reads the secret for every token, because it can change.
  async #readAccount(): Promise<ServiceAccount> {
    const { account, readSecret, secretReads } = this.#dependencies;
    if (!('secretArn' in account)) return account;
    return secretReads.run(async () => parseServiceAccount(await readSecret(account.secretArn)));
  }
}

/** Keystone's description of a valid token; `verifiedToken` is undefined if its user or project id is not usable. */
interface KeystoneToken {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly verifiedToken: VerifiedToken | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws SharingError `identity-unavailable` if the response does not describe a token */
function parseTokenResponse(body: unknown): KeystoneToken {
  const token = fieldsOf(fieldsOf(body)['token']);
  const expiresAt = Date.parse(String(token['expires_at']));
  const user = fieldsOf(token['user'])['id'];
  if (Number.isNaN(expiresAt) || typeof user !== 'string') {
    throw identityUnavailable(new Error('The response of Keystone must have a user id and an expiry time.'));
  }
  const userId = parseUserId(user);
  if (userId === undefined) return { expiresAt, verifiedToken: undefined };
  if (token['project'] === undefined) return { expiresAt, verifiedToken: callerWithoutProject(userId) };
  const project = fieldsOf(token['project'])['id'];
  const projectId = typeof project === 'string' ? parseProjectId(project) : undefined;
  if (projectId === undefined) return { expiresAt, verifiedToken: undefined };
  // Glance's policies ignore the case of role names.
  const roles = listOf(token['roles']).map((role) => String(fieldsOf(role)['name']).toLowerCase());
  return {
    expiresAt,
    verifiedToken: { userId, projectId, role: strongestRole(roles), accessRules: accessRulesOf(token) },
  };
}

/** Returns the access rules of a token, or `undefined` if it has none. A malformed rule allows no request. */
function accessRulesOf(token: Fields): readonly AccessRule[] | undefined {
  const rules = fieldsOf(token['application_credential'])['access_rules'];
  if (rules === undefined || rules === null) return undefined;
  return listOf(rules).map((rule) => {
    const { service, method, path } = fieldsOf(rule);
    return { service: String(service), method: String(method), path: String(path) };
  });
}

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
