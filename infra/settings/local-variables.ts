import { defaultHistoryRetentionDays, defaultMemberQuota, variables } from '../../lambda/functions/config.ts';
import { identityVariables } from '../../lambda/identity/settings.ts';

/** An environment variable of the local server. */
interface LocalVariable {
  readonly name: string;
  readonly meaning: string;
  /** The value without the variable, or `required` with the condition. */
  readonly default: string;
}

const variable = (name: string, meaning: string, defaultValue: string | number): LocalVariable => ({
  name,
  meaning,
  default: String(defaultValue),
});

/** The local server imports from servers on its own machine, because only programs of this machine can call it. */
export const defaultAllowedSources = '127.0.0.0/8:*,[::1]:*';

const server: readonly LocalVariable[] = [
  variable('PORT', 'port on 127.0.0.1; 0 selects a free port', 9292),
  variable('DATA_DIR', 'folder of the data; remove it for a fresh start', '.data'),
  variable('DYNAMODB_ENDPOINT', 'URL of a DynamoDB-compatible engine', 'the embedded engine'),
  variable('CORS_ORIGINS', 'origins, separated by commas, whose pages may call the API', 'none'),
  variable(variables.publicUrl, 'base URL of links in responses', 'the address of the request'),
  variable(variables.memberQuota, 'maximum number of members of an image; -1 is unlimited', defaultMemberQuota),
  variable(variables.historyRetentionDays, 'days to keep the history, 1 to 3650', defaultHistoryRetentionDays),
  variable(variables.allowedSources, 'sources of imports besides public addresses', defaultAllowedSources),
  variable('CONSOLE', 'web console at /console/index.html: on or off', 'on'),
  variable('CONSOLE_CONNECT_ORIGINS', 'further origins, separated by commas, that the console may call', 'none'),
  variable(identityVariables.kind, 'token verifier: dev, keystone, jwt or none', 'dev'),
];

const both: readonly LocalVariable[] = [
  variable(identityVariables.timeoutSeconds, 'timeout of a call to Keystone or the issuer, 1 to 10', 5),
];

const keystone: readonly LocalVariable[] = [
  variable(identityVariables.keystoneUrl, 'URL of Keystone', 'required'),
  variable(identityVariables.keystoneCertificateFile, 'PEM file with the trusted authorities', 'the public ones'),
  variable(identityVariables.keystoneCacheSeconds, 'seconds to cache a valid token, 0 to 300', 300),
  variable(
    'CONSOLE_KEYSTONE_URL',
    'URL at which browsers reach Keystone',
    `the value of ${identityVariables.keystoneUrl}`,
  ),
  variable(identityVariables.username, 'user of the service account', 'each token validates itself'),
  variable(identityVariables.password, 'its password', 'required with a user'),
  variable(identityVariables.projectName, 'its project', 'required with a user'),
  variable(identityVariables.userDomain, 'domain of the user', 'default'),
  variable(identityVariables.projectDomain, 'domain of the project', 'default'),
  variable(identityVariables.applicationCredential, 'application credential instead of a user', 'none'),
  variable(identityVariables.applicationCredentialSecret, 'its secret', 'required with a credential'),
  variable(identityVariables.keystoneAccountSecret, 'ARN of a secret with the service account', 'none'),
];

const jwt: readonly LocalVariable[] = [
  variable(identityVariables.jwtIssuer, 'exact "iss" of every token', 'required'),
  variable(identityVariables.jwtAudience, 'audience of every token', 'required'),
  variable(identityVariables.jwtAudienceClaim, 'claim with the audience', 'aud'),
  variable(identityVariables.jwtKeySetUrl, "URL of the issuer's public keys", "from the issuer's discovery"),
  variable(identityVariables.jwtAlgorithms, 'accepted signature algorithms', 'every asymmetric one'),
  variable(identityVariables.jwtProjectClaim, 'claim with the project', 'project_id'),
  variable(identityVariables.jwtUserClaim, 'claim with the user', 'sub'),
  variable(identityVariables.jwtRolesClaim, 'claim with the roles', 'roles'),
  variable(identityVariables.jwtRoleMap, 'such as image-admins=admin,staff=member', 'names are roles, except admin'),
  variable('CONSOLE_OIDC_CLIENT_ID', 'public OpenID Connect client of the console', 'users paste a token'),
  variable('CONSOLE_OIDC_SCOPE', 'scope that the console requests', 'openid'),
];

/** Every environment variable that the local server reads. */
export const localVariables: readonly LocalVariable[] = [...server, ...both, ...keystone, ...jwt];

const table = (rows: readonly LocalVariable[]): string =>
  rows
    .map(({ name, meaning, default: value }) => {
      const note = value.startsWith('required') ? value : `default: ${value}`;
      return `  ${name.padEnd(33)} ${meaning} (${note})`;
    })
    .join('\n');

/** The usage of `npm start`. */
export const localServerUsage = `Usage: npm start

Serves the API on 127.0.0.1 until Ctrl-C, with tables, queues and events. On a terminal it prints a line for each
request; if standard error is redirected, the JSON lines of the functions. Settings are environment variables, for
example PORT=8080 npm start:

${table(server)}

with IDENTITY=keystone:

${table([...both, ...keystone])}

with IDENTITY=jwt:

${table([...both, ...jwt])}`;
