import { roles, type Role } from '../domain/caller.ts';

/** Names of the environment variables that configure authentication. */
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

/** Kinds of token verifiers. `dev` exists on the local server only; `none` refuses every token. */
const identityKinds = ['none', 'dev', 'jwt', 'keystone'] as const;
type IdentityKind = (typeof identityKinds)[number];

/** Accepted signature algorithms. All use a private key, so that a public key cannot forge tokens (RFC 8725, 3.1). */
export const signatureAlgorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
] as const;

/** Issuer of the JSON Web Tokens, and the names of their claims. */
export interface JwtSettings {
  readonly kind: 'jwt';
  /** The exact `iss` claim of every token. */
  readonly issuer: string;
  /** The audience of every token. */
  readonly audience: string;
  /** The claim with the audience: `aud`, or `client_id` for the access tokens of Cognito. */
  readonly audienceClaim: string;
  /** URL of the issuer's keys; if `undefined`, OpenID Connect Discovery finds it. */
  readonly keySetUrl: string | undefined;
  /** Accepted algorithms, a subset of {@link signatureAlgorithms}. */
  readonly algorithms: readonly string[];
  readonly projectClaim: string;
  readonly userClaim: string;
  readonly rolesClaim: string;
  /** Roles by the issuer's names; other names have no role. If `undefined`, each role except admin has its own name. */
  readonly roleMap: Readonly<Record<string, Role>> | undefined;
  /** Timeout of requests to the issuer, 1 to 10 s. */
  readonly timeoutSeconds: number;
  /** True on the local server: discovery can find a key set that uses http on the loopback interface. */
  readonly allowsHttp: boolean;
}

/** A Keystone account with a password or an application credential, with the fields of `auth` in a clouds.yaml. */
export type ServiceAccount =
  | {
      readonly username: string;
      readonly password: string;
      readonly projectName: string;
      readonly userDomainId: string;
      readonly projectDomainId: string;
    }
  | { readonly applicationCredentialId: string; readonly applicationCredentialSecret: string };

/** Keystone that validates tokens, and the account for these requests. */
export interface KeystoneSettings {
  readonly kind: 'keystone';
  /** URL of the Identity API, version 3, such as `https://identity.example.org/v3`, without a trailing slash. */
  readonly authUrl: string;
  /** PEM file with the only certificate authorities to trust; if `undefined`, those of Node. */
  readonly certificateFile: string | undefined;
  /** A service account or the ARN of its secret; if `undefined`, each token validates itself. */
  readonly account: ServiceAccount | { readonly secretArn: string } | undefined;
  /** Time to cache a valid token, 0 to 300 s. */
  readonly cacheSeconds: number;
  /** Timeout of requests to Keystone, 1 to 10 s. */
  readonly timeoutSeconds: number;
}

/** Authentication settings of a function. */
export type IdentitySettings = 'none' | 'dev' | JwtSettings | KeystoneSettings;

/** Returns true if a URL uses https, or http on the loopback interface, which no other machine can read. */
export function isHttpsOrLoopback(url: string): boolean {
  const { protocol, hostname = '' } = URL.parse(url) ?? {};
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname));
}

type Environment = Readonly<Record<string, string | undefined>>;
type Name = keyof typeof identityVariables;

/**
 * Reads the authentication settings. An empty variable counts as absent.
 *
 * @param problems - receives a clause for every missing or invalid variable
 * @returns `undefined` if there are problems
 */
export function loadIdentitySettings(env: Environment, problems: string[]): IdentitySettings | undefined {
  const variables = new Variables(env);
  const selected = variables.required('kind', kind) ?? 'none';
  const settings = selected === 'jwt' ? jwt(variables) : selected === 'keystone' ? keystone(variables) : selected;
  problems.push(...variables.problems);
  return variables.problems.length > 0 ? undefined : settings;
}

/** Format of a variable: a parser, and the description of valid values for messages. */
interface SettingFormat<Value> {
  readonly parse: (text: string) => Value | undefined;
  readonly description: string;
}

/** Reads variables and collects a problem for each missing or invalid one. */
class Variables {
  readonly problems: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  has(name: Name): boolean {
    return Boolean(this.#env[identityVariables[name]]);
  }

  get isDeployed(): boolean {
    return this.#env['AWS_EXECUTION_ENV'] !== undefined;
  }

  addProblem(name: Name, clause: string): void {
    this.problems.push(`${identityVariables[name]} ${clause}`);
  }

  required<Value>(name: Name, format: SettingFormat<Value>): Value | undefined {
    if (!this.has(name)) this.addProblem(name, 'is not set');
    return this.optional(name, format);
  }

  optional<Value>(name: Name, { parse, description }: SettingFormat<Value>): Value | undefined {
    const text = this.#env[identityVariables[name]];
    if (!text) return undefined;
    const value = parse(text);
    if (value === undefined) this.addProblem(name, `is ${JSON.stringify(text)}, not ${description}`);
    return value;
  }

  /** Returns a required text; empty only if that is a problem. */
  text(name: Name): string {
    return this.required(name, anyText) ?? '';
  }
}

const anyText: SettingFormat<string> = { parse: (text) => text, description: 'a text' };

const kind: SettingFormat<IdentityKind> = {
  parse: (text) => identityKinds.find((name) => name === text),
  description: `one of ${identityKinds.join(', ')}`,
};

const url: SettingFormat<string> = {
  parse: (text) => (/^https?:$/.test(URL.parse(text)?.protocol ?? '') ? text : undefined),
  description: 'a URL such as https://identity.example.org',
};

const algorithms: SettingFormat<readonly string[]> = {
  parse: (text) => listOf(text, (name) => signatureAlgorithms.find((known) => known === name)),
  description: `a list of ${signatureAlgorithms.join(',')}`,
};

const roleMap: SettingFormat<Readonly<Record<string, Role>>> = {
  parse: (text) => {
    const pairs = listOf(text, (pair): readonly [string, Role] | undefined => {
      const [, name, role] = /^([^=]+)=([^=]+)$/.exec(pair) ?? [];
      const knownRole = roles.find((known) => known === role);
      return name === undefined || knownRole === undefined ? undefined : [name, knownRole];
    });
    // Without a prototype, so that no claim matches an inherited property.
    return pairs && Object.assign(Object.create(null) as Record<string, Role>, Object.fromEntries(pairs));
  },
  description: `a list such as image-admins=admin,staff=member with the roles ${roles.join(', ')}`,
};

const seconds = (min: number, max: number): SettingFormat<number> => ({
  parse: (text) => (/^\d{1,3}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
  description: `a whole number of seconds from ${min} to ${max}`,
});

/** Parses the items of a comma-separated list. Returns `undefined` if one is invalid. */
function listOf<Value>(text: string, parseItem: (item: string) => Value | undefined): readonly Value[] | undefined {
  const values = text.split(',').map((item) => parseItem(item.trim()));
  return values.every((value) => value !== undefined) ? values : undefined;
}

const jwt = (variables: Variables): JwtSettings => ({
  kind: 'jwt',
  issuer: variables.required('jwtIssuer', url) ?? '',
  audience: variables.text('jwtAudience'),
  audienceClaim: variables.optional('jwtAudienceClaim', anyText) ?? 'aud',
  keySetUrl: variables.optional('jwtKeySetUrl', url),
  algorithms: variables.optional('jwtAlgorithms', algorithms) ?? signatureAlgorithms,
  projectClaim: variables.optional('jwtProjectClaim', anyText) ?? 'project_id',
  userClaim: variables.optional('jwtUserClaim', anyText) ?? 'sub',
  rolesClaim: variables.optional('jwtRolesClaim', anyText) ?? 'roles',
  roleMap: variables.optional('jwtRoleMap', roleMap),
  timeoutSeconds: timeoutSeconds(variables),
  allowsHttp: !variables.isDeployed,
});

const keystone = (variables: Variables): KeystoneSettings => ({
  kind: 'keystone',
  authUrl: toVersion3(variables.required('keystoneUrl', url) ?? ''),
  certificateFile: variables.optional('keystoneCertificateFile', anyText),
  account: account(variables),
  cacheSeconds: variables.optional('keystoneCacheSeconds', seconds(0, 300)) ?? 300,
  timeoutSeconds: timeoutSeconds(variables),
});

const timeoutSeconds = (variables: Variables): number => variables.optional('timeoutSeconds', seconds(1, 10)) ?? 5;

/** Returns the URL of version 3 of a Keystone, without a slash at the end. */
export const toVersion3 = (authUrl: string): string => authUrl.replace(/\/*$/, '').replace(/(\/v3)?$/, '/v3');

function account(variables: Variables): KeystoneSettings['account'] {
  // All users who can view a function or the log of its deployment can read its variables.
  if (variables.isDeployed) {
    for (const name of ['password', 'applicationCredentialSecret'] as const) {
      if (!variables.has(name)) continue;
      variables.addProblem(
        name,
        `must not be set in a deployed function; use ${identityVariables.keystoneAccountSecret}`,
      );
    }
  }
  const secretArn = variables.optional('keystoneAccountSecret', anyText);
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
    userDomainId: variables.optional('userDomain', anyText) ?? 'default',
    projectDomainId: variables.optional('projectDomain', anyText) ?? 'default',
  };
}
