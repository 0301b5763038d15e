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

/** How long an account that was refused is left alone, for enough refusals may lock it. */
const authFailureBackoffMilliseconds = 30_000;
/** How long before its end the account's own token is renewed. */
const renewalMilliseconds = 60_000;

/**
 * Believes what Keystone says of a token (Identity API v3, `GET /v3/auth/tokens`), and remembers only that it was valid,
 * for a few minutes.
 *
 * @param readSecret - reads the secret that holds the service account, where there is one
 */
export function createKeystoneVerifier(
  settings: KeystoneSettings,
  readSecret: ReadSecret,
  clock: Clock = () => new Date(),
): TokenVerifier {
  const { authUrl, cacheSeconds } = settings;
  const keystone = connectKeystone(settings, clock);
  const cache = new TokenCache<VerifiedToken>();
  const account = settings.account && new ServiceAccountToken(settings, settings.account, keystone, readSecret, clock);

  const validate = async (token: string): Promise<JsonResponse> => {
    if (account === undefined) return keystone.validate(token, token);
    const own = await account.token();
    const answer = await keystone.validate(token, own);
    // The account's own token has ended before its time.
    return answer.status === 401 ? keystone.validate(token, await account.tokenAfter(own)) : answer;
  };

  return {
    challenge: `Keystone uri="${authUrl}"`,
    verify: async (token) => {
      // Nothing else can be sent in a header, and no token has anything else.
      if (!/^[\x21-\x7e]+$/.test(token)) return undefined;
      const now = clock().getTime();
      const known = cache.get(token, now);
      if (known !== undefined) return known;
      const { status, body } = await validate(token);
      if (status === 404 || (status === 401 && account === undefined)) return undefined;
      if (status !== 200)
        throw identityUnavailable(new Error(`Keystone answered ${status} to the question for a token.`));
      const { expiresAt, verifiedToken: verifiedToken } = parseTokenResponse(body);
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

/** The service account's own token: got when first asked for, and again before it ends or when it is taken no more. */
class ServiceAccountToken {
  readonly #account: NonNullable<KeystoneSettings['account']>;
  readonly #keystone: Keystone;
  readonly #readSecret: ReadSecret;
  readonly #clock: Clock;
  readonly #secretReads: ProviderCalls;
  readonly #renew = shared(() => this.#authenticate());
  #current: { readonly token: string; readonly expiresAt: number } | undefined;
  #pauseUntil = 0;

  constructor(
    { timeoutSeconds }: KeystoneSettings,
    account: NonNullable<KeystoneSettings['account']>,
    keystone: Keystone,
    readSecret: ReadSecret,
    clock: Clock,
  ) {
    this.#account = account;
    this.#keystone = keystone;
    this.#readSecret = readSecret;
    this.#clock = clock;
    this.#secretReads = new ProviderCalls(timeoutSeconds, clock);
  }

  /** @throws SharingError `identity-unavailable` if the account has none */
  async token(): Promise<string> {
    const current = this.#current;
    const isFresh = current !== undefined && this.#clock().getTime() < current.expiresAt - renewalMilliseconds;
    return isFresh ? current.token : this.#renew();
  }

  /** Another token than one that is taken no more. */
  async tokenAfter(ended: string): Promise<string> {
    return this.#current === undefined || this.#current.token === ended ? this.#renew() : this.#current.token;
  }

  async #authenticate(): Promise<string> {
    const now = this.#clock().getTime();
    if (now < this.#pauseUntil) throw identityUnavailable(new Error('Keystone has just refused the service account.'));
    const { status, headers, body } = await this.#keystone.authenticate(await this.#read());
    const token = headers['x-subject-token'];
    if (status !== 201 || typeof token !== 'string') {
      this.#pauseUntil = now + authFailureBackoffMilliseconds;
      throw identityUnavailable(new Error(`Keystone answered ${status} to the service account.`));
    }
    this.#current = { token, expiresAt: parseTokenResponse(body).expiresAt };
    return token;
  }

  // Each time anew, for a secret is changed now and then.
  async #read(): Promise<ServiceAccount> {
    const account = this.#account;
    if (!('secretArn' in account)) return account;
    return this.#secretReads.run(async () => parseServiceAccount(await this.#readSecret(account.secretArn)));
  }
}

/** Keystone's description of a valid token; `proof` is undefined if its user or project cannot be a caller's. */
interface KeystoneToken {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly verifiedToken: VerifiedToken | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws SharingError `identity-unavailable` for what no Keystone says */
function parseTokenResponse(body: unknown): KeystoneToken {
  const token = fieldsOf(fieldsOf(body)['token']);
  const expiresAt = Date.parse(String(token['expires_at']));
  const user = fieldsOf(token['user'])['id'];
  if (Number.isNaN(expiresAt) || typeof user !== 'string') {
    throw identityUnavailable(new Error('What Keystone says of a token has no user or no end.'));
  }
  const userId = parseUserId(user);
  if (userId === undefined) return { expiresAt, verifiedToken: undefined };
  if (token['project'] === undefined) return { expiresAt, verifiedToken: callerWithoutProject(userId) };
  const project = fieldsOf(token['project'])['id'];
  const projectId = typeof project === 'string' ? parseProjectId(project) : undefined;
  if (projectId === undefined) return { expiresAt, verifiedToken: undefined };
  // In any case of letters, as the policies of the reference take them.
  const roles = listOf(token['roles']).map((role) => String(fieldsOf(role)['name']).toLowerCase());
  return {
    expiresAt,
    verifiedToken: { userId, projectId, role: strongestRole(roles), accessRules: accessRulesOf(token) },
  };
}

/** The access rules of a token, whose absence allows everything; a rule that cannot be read allows nothing. */
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
