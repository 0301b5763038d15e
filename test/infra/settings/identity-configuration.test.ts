import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../../infra/cdk-context.ts';
import { identityConfiguration, type IdentityProps } from '../../../infra/settings/identity-configuration.ts';
import { ImageSharingStack } from '../../../infra/image-sharing-stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-identity-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const secretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:image-account-AbCdEf';
const authUrl = 'https://identity.example.org:5000/v3';
const issuer = 'https://login.example.org/realms/cloud';

describe('the environment of the functions', () => {
  test.each<[string, IdentityProps, Record<string, string>]>([
    ['without an identity', { kind: 'none' }, { IDENTITY: 'none' }],
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
});

/** JSON of a template; each test states its shape. */
type Properties = Record<string, any>;

describe('a stack with a Keystone in a VPC', () => {
  const certificate = join(folder, 'ca.pem');
  writeFileSync(certificate, 'certificates');
  const outdir = join(folder, 'keystone');
  const app = new App({ context: cdkContext, outdir });
  new ImageSharingStack(app, 'ImageSharing', {
    production: false,
    identity: { kind: 'keystone', authUrl, accountSecretArn: secretArn, certificateFile: certificate },
    network: {
      subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
      securityGroupIds: ['sg-0123456789abcdef0'],
    },
    reservedConcurrency: 100,
  });
  app.synth();
  const read = (file: string) => JSON.parse(readFileSync(join(outdir, file), 'utf8'));
  const ofType = (type: string): Properties[] => {
    const resources = read(read('manifest.json').artifacts.ImageSharing.properties.templateFile).Resources;
    return Object.values(resources as Record<string, { Type: string; Properties: Properties }>)
      .filter(({ Type }) => Type === type)
      .map(({ Properties }) => Properties);
  };

  test('attaches every function that verifies tokens, reserves its concurrency, and adds the certificate file', () => {
    const functions = ofType('AWS::Lambda::Function').filter((fn) => 'IDENTITY' in fn['Environment'].Variables);

    expect(functions).toHaveLength(4);
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
      Array(4).fill({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: secretArn }),
    );
    expect(about('ec2:').map(({ Action }) => Action)).toEqual(
      Array(4).fill([
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

test('a deployed bundle does not start with the test identity', () => {
  const app = new App({ context: cdkContext, outdir: join(folder, 'dev') });
  new ImageSharingStack(app, 'ImageSharing', { identity: { kind: 'none' }, production: true });
  app.synth();

  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'dev', 'bundles', 'discovery', 'index.js')], {
    encoding: 'utf8',
    env: { IDENTITY: 'dev' },
  });

  expect(status).toBe(1);
  expect(stderr).toContain('IDENTITY is "dev", which is for the local server only.');
});
