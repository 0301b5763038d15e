import { roles, type Role } from '../domain/caller.ts';

/** Names of the environment variables that say whose tokens are believed. */
export const identityVariables = {
  kind: 'IDENTITY',
  jwtIssuer: 'JWT_ISSUER',
  jwtAudience: 'JWT_AUDIENCE',
  jwtAudienceClaim: 'JWT_AUDIENCE_CLAIM',
  jwtKeySetUrl: 'JWT_JWKS_URL',
  jwtAlgorithms: 'JWT_ALGORITHMS',
  jwtProjectClaim: 'JWT_PROJECT_CLAIM',
  jwtUserClaim: 'JWT_USER_CLAIM',
  jwtRolesClaim: 'JWT_ROLES_CLAIM',
  jwtRoleMap: 'JWT_ROLE_MAP',
  timeoutSeconds: 'IDENTITY_TIMEOUT_SECONDS',
  keystoneUrl: 'OS_AUTH_URL',
  keystoneCertificateFile: 'OS_CACERT',
  keystoneAccountSecret: 'OS_ACCOUNT_SECRET_ARN',
  keystoneCacheSeconds: 'TOKEN_CACHE_SECONDS',
  username: 'OS_USERNAME',
  password: 'OS_PASSWORD',
  projectName: 'OS_PROJECT_NAME',
  userDomain: 'OS_USER_DOMAIN_ID',
  projectDomain: 'OS_PROJECT_DOMAIN_ID',
  applicationCredential: 'OS_APPLICATION_CREDENTIAL_ID',
  applicationCredentialSecret: 'OS_APPLICATION_CREDENTIAL_SECRET',
} as const;

/** Where callers' identities come from. `dev` exists on the local server only; `none` refuses every token. */
const identityKinds = ['none', 'dev', 'jwt', 'keystone'] as const;
type IdentityKind = (typeof identityKinds)[number];

/** The signatures that may be believed: all of them by a private key, so that no public one can forge them (RFC 8725, section 3.1). */
const signatureAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Whose JSON Web Tokens are believed, and what their claims are called. */
export interface JwtSettings {
  readonly kind: 'jwt';
  /** The `iss` of every token, to the letter. */
  readonly issuer: string;
  /** What every token has to be meant for. */
  readonly audience: string;
  /** The claim that says so: `aud`, or `client_id` for the access tokens of Cognito. */
  readonly audienceClaim: string;
  /** Where the issuer's keys are; found by OpenID Connect Discovery where absent. */
  readonly keySetUrl: string | undefined;
  /** Some of {@link signatureAlgorithms}. */
  readonly algorithms: readonly string[];
  readonly projectClaim: string;
  readonly userClaim: string;
  readonly rolesClaim: string;
  /** The issuer's names of the roles; if given, no other name counts. Otherwise each role is its own name, except admin. */
  readonly roleMap: Readonly<Record<string, Role>> | undefined;
  /** Time that the issuer has for a response, 1 to 10 s. */
  readonly timeoutSeconds: number;
  /** Whether discovery may lead to a key set by plain http on the loopback interface: on the local server only. */
  readonly allowsHttp: boolean;
}

/** An account at Keystone, by password or by application credential; the names are those of `auth` in a clouds.yaml. */
export type ServiceAccount =
  | {
      readonly username: string;
      readonly password: string;
      readonly projectName: string;
      readonly userDomainId: string;
      readonly projectDomainId: string;
    }
  | { readonly applicationCredentialId: string; readonly applicationCredentialSecret: string };

/** Which Keystone is asked about tokens, and as whom. */
export interface KeystoneSettings {
  readonly kind: 'keystone';
  /** The identity API's version 3, such as `https://identity.example.org/v3`, without a slash at the end. */
  readonly authUrl: string;
  /** The file, in PEM, of the only authorities that may vouch for it; those of Node where absent. */
  readonly certificateFile: string | undefined;
  /** Who asks: an account, the ARN of the secret that holds one, or else each token for itself. */
  readonly account: ServiceAccount | { readonly secretArn: string } | undefined;
  /** How long a valid token is believed without asking again, 0 to 300 s. */
  readonly cacheSeconds: number;
  /** Time that it has for a response, 1 to 10 s. */
  readonly timeoutSeconds: number;
}

/** Whose tokens a function believes. */
export type IdentitySettings = 'none' | 'dev' | JwtSettings | KeystoneSettings;

/** Whether a URL uses https, or plain http on the loopback interface, which no network sees. */
export function isHttpsOrLoopback(url: string): boolean {
  const { protocol, hostname = '' } = URL.parse(url) ?? {};
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname));
}

type Environment = Readonly<Record<string, string | undefined>>;
type Name = keyof typeof identityVariables;

/**
 * Reads whose tokens are believed. A variable that is empty counts as absent.
 *
 * @param problems - gets a clause for every missing or unusable variable
 * @returns `undefined` if there were faults
 */
export function loadIdentitySettings(env: Environment, problems: string[]): IdentitySettings | undefined {
  const before = problems.length;
  const variables = new Variables(env, problems);
  const identity = { none, dev, jwt, keystone }[variables.required('kind', kind) ?? 'none'](variables);
  return problems.length > before ? undefined : identity;
}

/** What a variable may say: a parser, and the form that it takes, in words. */
interface SettingFormat<Value> {
  readonly parse: (text: string) => Value | undefined;
  readonly form: string;
}

/** The variables, and what is wrong with those that were read. */
class Variables {
  readonly #env: Environment;
  readonly #problems: string[];

  constructor(env: Environment, problems: string[]) {
    this.#env = env;
    this.#problems = problems;
  }

  has(name: Name): boolean {
    return Boolean(this.#env[identityVariables[name]]);
  }

  get isDeployed(): boolean {
    return this.#env['AWS_EXECUTION_ENV'] !== undefined;
  }

  fault(name: Name, clause: string): void {
    this.#problems.push(`${identityVariables[name]} ${clause}`);
  }

  required<Value>(name: Name, form: SettingFormat<Value>): Value | undefined {
    if (!this.has(name)) this.fault(name, 'is not set');
    return this.optional(name, form);
  }

  optional<Value>(name: Name, { parse, form }: SettingFormat<Value>): Value | undefined {
    const text = this.#env[identityVariables[name]];
    if (!text) return undefined;
    const value = parse(text);
    if (value === undefined) this.fault(name, `is ${JSON.stringify(text)}, not ${form}`);
    return value;
  }

  /** A text that has to be there; empty only along with a fault. */
  text(name: Name): string {
    return this.required(name, anything) ?? '';
  }
}

const anything: SettingFormat<string> = { parse: (text) => text, form: 'a text' };

const kind: SettingFormat<IdentityKind> = {
  parse: (text) => identityKinds.find((each) => each === text),
  form: `one of ${identityKinds.join(', ')}`,
};

const address: SettingFormat<string> = {
  parse: (text) => (/^https?:$/.test(URL.parse(text)?.protocol ?? '') ? text : undefined),
  form: 'an address such as https://identity.example.org',
};

const algorithms: SettingFormat<readonly string[]> = {
  parse: (text) => listOf(text, (name) => (signatureAlgorithms.includes(name) ? name : undefined)),
  form: `some of ${signatureAlgorithms.join(',')}`,
};

const roleMap: SettingFormat<Readonly<Record<string, Role>>> = {
  parse: (text) => {
    const pairs = listOf(text, (pair): readonly [string, Role] | undefined => {
      const [, name, role] = /^([^=]+)=([^=]+)$/.exec(pair) ?? [];
      const known = roles.find((each) => each === role);
      return name === undefined || known === undefined ? undefined : [name, known];
    });
    // Without a prototype, so that no claim finds what nobody put in.
    return pairs && Object.assign(Object.create(null) as Record<string, Role>, Object.fromEntries(pairs));
  },
  form: `a list such as image-admins=admin,staff=member, of the roles ${roles.join(', ')}`,
};

const seconds = (min: number, max: number): SettingFormat<number> => ({
  parse: (text) => (/^\d{1,3}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
  form: `a whole number of seconds from ${min} to ${max}`,
});

/** The parts between commas, each parsed, or `undefined` where one of them cannot be. */
function listOf<Value>(text: string, parse: (part: string) => Value | undefined): readonly Value[] | undefined {
  const values = text.split(',').map((part) => parse(part.trim()));
  return values.every((value) => value !== undefined) ? values : undefined;
}

const none = (): IdentitySettings => 'none';
const dev = (): IdentitySettings => 'dev';

const jwt = (variables: Variables): JwtSettings => ({
  kind: 'jwt',
  issuer: variables.required('jwtIssuer', address) ?? '',
  audience: variables.text('jwtAudience'),
  audienceClaim: variables.optional('jwtAudienceClaim', anything) ?? 'aud',
  keySetUrl: variables.optional('jwtKeySetUrl', address),
  algorithms: variables.optional('jwtAlgorithms', algorithms) ?? signatureAlgorithms,
  projectClaim: variables.optional('jwtProjectClaim', anything) ?? 'project_id',
  userClaim: variables.optional('jwtUserClaim', anything) ?? 'sub',
  rolesClaim: variables.optional('jwtRolesClaim', anything) ?? 'roles',
  roleMap: variables.optional('jwtRoleMap', roleMap),
  timeoutSeconds: timeoutSeconds(variables),
  allowsHttp: !variables.isDeployed,
});

const keystone = (variables: Variables): KeystoneSettings => ({
  kind: 'keystone',
  authUrl: versionThree(variables.required('keystoneUrl', address) ?? ''),
  certificateFile: variables.optional('keystoneCertificateFile', anything),
  account: account(variables),
  cacheSeconds: variables.optional('keystoneCacheSeconds', seconds(0, 300)) ?? 300,
  timeoutSeconds: timeoutSeconds(variables),
});

const timeoutSeconds = (variables: Variables): number => variables.optional('timeoutSeconds', seconds(1, 10)) ?? 5;

const versionThree = (url: string): string => url.replace(/\/*$/, '').replace(/(\/v3)?$/, '/v3');

function account(variables: Variables): KeystoneSettings['account'] {
  // Whoever may look at a function sees its variables, and so does the log of whoever deploys it.
  if (variables.isDeployed) {
    for (const name of ['password', 'applicationCredentialSecret'] as const) {
      if (!variables.has(name)) continue;
      variables.fault(
        name,
        `is set, but a deployed function's account is a secret: ${identityVariables.keystoneAccountSecret}`,
      );
    }
  }
  const secretArn = variables.optional('keystoneAccountSecret', anything);
  if (secretArn !== undefined) return { secretArn };
  if (variables.has('applicationCredential')) {
    return {
      applicationCredentialId: variables.text('applicationCredential'),
      applicationCredentialSecret: variables.text('applicationCredentialSecret'),
    };
  }
  if (!variables.has('username')) return undefined;
  return {
    username: variables.text('username'),
    password: variables.text('password'),
    projectName: variables.text('projectName'),
    userDomainId: variables.optional('userDomain', anything) ?? 'default',
    projectDomainId: variables.optional('projectDomain', anything) ?? 'default',
  };
}
