import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib/core';
import { identityConfiguration, type IdentityProps } from '../../../infra/settings/identity-configuration.ts';
import { identityFromContext } from '../../../infra/settings/identity-context.ts';
import { ImageSharingStack } from '../../../infra/image-sharing-stack.ts';
import { UsageError } from '../../../infra/usage-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-identity-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const secretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:image-account-AbCdEf';
const authUrl = 'https://identity.example.org:5000/v3';
const issuer = 'https://login.example.org/realms/cloud';

describe('the environment of the functions', () => {
  test.each<[string, IdentityProps, Record<string, string>]>([
    ['without an identity', 'none', { IDENTITY: 'none' }],
    ['with a Keystone', { kind: 'keystone', authUrl }, { IDENTITY: 'keystone', OS_AUTH_URL: authUrl }],
    [
      'with a Keystone and all its settings',
      {
        kind: 'keystone',
        authUrl,
        accountSecretArn: secretArn,
        certificateFile: import.meta.filename,
        cacheSeconds: 60,
        timeoutSeconds: 10,
      },
      {
        IDENTITY: 'keystone',
        OS_AUTH_URL: authUrl,
        OS_ACCOUNT_SECRET_ARN: secretArn,
        OS_CACERT: '/var/task/identity-ca.pem',
        TOKEN_CACHE_SECONDS: '60',
        IDENTITY_TIMEOUT_SECONDS: '10',
      },
    ],
    [
      'with an issuer',
      { kind: 'jwt', issuer, audience: 'images' },
      { IDENTITY: 'jwt', JWT_ISSUER: issuer, JWT_AUDIENCE: 'images' },
    ],
    [
      'with an issuer and all its settings',
      {
        kind: 'jwt',
        issuer,
        audience: 'images',
        audienceClaim: 'client_id',
        keySetUrl: `${issuer}/keys`,
        algorithms: ['RS256', 'ES256'],
        projectClaim: 'tenant',
        userClaim: 'email',
        rolesClaim: 'realm_access.roles',
        roleMap: { Staff: 'member', Boss: 'admin' },
        timeoutSeconds: 1,
      },
      {
        IDENTITY: 'jwt',
        JWT_ISSUER: issuer,
        JWT_AUDIENCE: 'images',
        JWT_AUDIENCE_CLAIM: 'client_id',
        JWT_JWKS_URL: `${issuer}/keys`,
        JWT_ALGORITHMS: 'RS256,ES256',
        JWT_PROJECT_CLAIM: 'tenant',
        JWT_USER_CLAIM: 'email',
        JWT_ROLES_CLAIM: 'realm_access.roles',
        JWT_ROLE_MAP: 'Staff=member,Boss=admin',
        IDENTITY_TIMEOUT_SECONDS: '1',
      },
    ],
  ])('%s', (_what, props, environment) => {
    expect(identityConfiguration(props).environment).toEqual(environment);
  });

  test.each<[IdentityProps, string]>([
    [
      { kind: 'keystone', authUrl: 'identity' },
      'The identity settings are invalid: OS_AUTH_URL is "identity", not a URL',
    ],
    [
      { kind: 'keystone', authUrl: 'http://identity.example.org/v3' },
      'The identity URL must use https; got http://identity.example.org/v3.',
    ],
    [{ kind: 'keystone', authUrl, cacheSeconds: 301 }, 'TOKEN_CACHE_SECONDS is "301", not a whole number of seconds'],
    [
      { kind: 'keystone', authUrl, timeoutSeconds: 11 },
      'IDENTITY_TIMEOUT_SECONDS is "11", not a whole number of seconds from 1 to 10',
    ],
    [
      { kind: 'keystone', authUrl, accountSecretArn: 'my-secret' },
      '"accountSecretArn" must be the complete ARN of a secret',
    ],
    [{ kind: 'keystone', authUrl, accountSecretArn: secretArn.slice(0, -7) }, 'must be the complete ARN of a secret'],
    [{ kind: 'jwt', issuer: '', audience: '' }, 'JWT_ISSUER is not set; JWT_AUDIENCE is not set.'],
    [{ kind: 'jwt', issuer: 'http://login.example.org', audience: 'a' }, 'must use https'],
    [{ kind: 'jwt', issuer, audience: 'a', keySetUrl: 'http://login.example.org/keys' }, 'must use https'],
    [{ kind: 'jwt', issuer, audience: 'a', algorithms: ['HS256'] }, 'JWT_ALGORITHMS is "HS256", not a list of RS256'],
    [{ kind: 'jwt', issuer, audience: 'a', algorithms: ['none'] }, 'JWT_ALGORITHMS is "none"'],
    [{ kind: 'jwt', issuer, audience: 'a', roleMap: { x: 'root' as 'admin' } }, 'JWT_ROLE_MAP is "x=root"'],
  ])('%j is refused', (props, sentence) => {
    const reading = () => identityConfiguration(props);

    expect(reading).toThrow(sentence);
    expect(reading).toThrow(UsageError);
  });
});

/** JSON of a template; each test states its shape. */
type Properties = Record<string, any>;

/** Runs the app as the CDK command line does, with the context of `-c <name>=<value>`. */
function runApp(name: string, context: Readonly<Record<string, string>>) {
  const outdir = join(folder, name);
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '..', '..', '..', 'infra', 'app.ts')],
    {
      encoding: 'utf8',
      env: { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
    },
  );
  return { status, stderr, outdir };
}

describe('a stack with a Keystone in a VPC', () => {
  const certificate = join(folder, 'ca.pem');
  writeFileSync(certificate, 'certificates');
  const { status, stderr, outdir } = runApp('keystone', {
    identity: 'keystone',
    authUrl,
    accountSecretArn: secretArn,
    certificateFile: certificate,
    subnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
    securityGroupIds: 'sg-0123456789abcdef0',
    reservedConcurrency: '100',
  });
  const read = (file: string) => JSON.parse(readFileSync(join(outdir, file), 'utf8'));
  const ofType = (type: string): Properties[] => {
    const resources = read(read('manifest.json').artifacts.ImageSharing.properties.templateFile).Resources;
    return Object.values(resources as Record<string, { Type: string; Properties: Properties }>)
      .filter(({ Type }) => Type === type)
      .map(({ Properties }) => Properties);
  };

  test('passes its checks', () => {
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('attaches every function that verifies tokens, reserves its concurrency, and adds the certificate file', () => {
    const functions = ofType('AWS::Lambda::Function').filter((fn) => 'IDENTITY' in fn['Environment'].Variables);

    expect(functions).toHaveLength(3);
    for (const fn of functions) {
      expect(fn).toMatchObject({
        VpcConfig: {
          SubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
          SecurityGroupIds: ['sg-0123456789abcdef0'],
        },
        ReservedConcurrentExecutions: 100,
      });
      expect(fn['Environment'].Variables).toMatchObject({
        IDENTITY: 'keystone',
        OS_CACERT: '/var/task/identity-ca.pem',
      });
      const code = join(outdir, `asset.${fn['Code'].S3Key.replace('.zip', '')}`);
      const own = ['identity-ca.pem', 'index.js', 'package.json'];
      expect(
        readdirSync(code)
          .filter((name) => name !== 'openapi.json')
          .sort(),
      ).toEqual(own);
      expect(readFileSync(join(code, 'identity-ca.pem'), 'utf8')).toBe('certificates');
    }
  });

  test('allows each function to read the one secret and to create its network interfaces, and nothing else', () => {
    const statements = ofType('AWS::IAM::Policy').flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    const about = (service: string) => statements.filter(({ Action }) => [Action].flat()[0].startsWith(service));

    expect(about('secretsmanager:')).toEqual(
      Array(3).fill({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: secretArn }),
    );
    expect(about('ec2:').map(({ Action }) => Action)).toEqual(
      Array(3).fill([
        'ec2:AssignPrivateIpAddresses',
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:UnassignPrivateIpAddresses',
      ]),
    );
    expect(statements.filter(({ Resource }) => Resource === '*')).toEqual(about('ec2:'));
  });
});

test('the command line selects an issuer', () => {
  const { status, outdir } = runApp('jwt', {
    identity: 'jwt',
    issuer,
    audience: 'images',
    roleMap: 'Boss=admin',
    identityTimeoutSeconds: '7',
  });

  const template = readFileSync(join(outdir, 'ImageSharing.template.json'), 'utf8');
  expect(status).toBe(0);
  expect(template.match(/"JWT_ROLE_MAP": "Boss=admin"/g)).toHaveLength(3);
  expect(template.match(/"IDENTITY_TIMEOUT_SECONDS": "7"/g)).toHaveLength(3);
  expect(template).not.toContain('secretsmanager');
});

test.each<[string, Record<string, string>, string]>([
  ['unknown', { identity: 'ldap' }, '"-c identity" must be none, jwt or keystone; got "ldap".'],
  ['without its address', { identity: 'keystone' }, '"-c authUrl" is required with the identity "keystone".'],
  ['without its audience', { identity: 'jwt', issuer }, '"-c audience" is required with the identity "jwt".'],
  [
    'with an incomplete network',
    { identity: 'none', subnetIds: 'subnet-1' },
    '"-c subnetIds" and "-c securityGroupIds" must be set together, as comma-separated lists.',
  ],
  [
    'with a missing file',
    { identity: 'keystone', authUrl, certificateFile: '/nowhere/ca.pem' },
    '"certificateFile" must be a readable file; reading /nowhere/ca.pem failed with ENOENT.',
  ],
  [
    'with a concurrency that is not a number',
    { identity: 'none', reservedConcurrency: 'many' },
    '"-c reservedConcurrency" must be a whole number; got "many".',
  ],
])('an identity %s is refused', (_what, context, sentence) => {
  const reading = () => identityConfiguration(identityFromContext(new App({ context }).node).identity);

  expect(reading).toThrow(sentence);
  expect(reading).toThrow(UsageError);
});

test('an unusable setting gives one sentence, and no output', () => {
  const { status, stderr, outdir } = runApp('refused', { identity: 'dev' });

  expect({ status, stderr }).toEqual({
    status: 1,
    stderr:
      'The identity "dev" is available on the local server only; a deployed stack requires another, such as "none".\n',
  });
  expect(readdirSync(outdir)).toEqual([]);
});

test('a deployed bundle does not start with the test identity', () => {
  const app = new App({ outdir: join(folder, 'dev') });
  new ImageSharingStack(app, 'ImageSharing', { identity: 'none', production: true });
  app.synth();

  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'dev', 'bundles', 'discovery', 'index.js')], {
    encoding: 'utf8',
    env: { IDENTITY: 'dev' },
  });

  expect(status).toBe(1);
  expect(stderr).toContain('IDENTITY is "dev", which is for the local server only.');
});
