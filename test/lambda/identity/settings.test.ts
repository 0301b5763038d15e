import { expect, test } from '@jest/globals';
import { loadConfig } from '../../../lambda/functions/config.ts';

const identityOf = (env: Readonly<Record<string, string>>) => loadConfig(env, ['identity']).identity;
const authUrl = 'https://identity.example.org/v3';
const keystone = { IDENTITY: 'keystone', OS_AUTH_URL: authUrl };

test.each(['none', 'dev'])('%s requires and reads no other variable', (kind) => {
  expect(identityOf({ IDENTITY: kind, OS_AUTH_URL: 'nonsense', JWT_ALGORITHMS: 'none' })).toBe(kind);
});

test('the settings of an issuer have these defaults', () => {
  const identity = identityOf({ IDENTITY: 'jwt', JWT_ISSUER: 'https://login.example.org/', JWT_AUDIENCE: 'images' });

  expect(identity).toEqual({
    kind: 'jwt',
    issuer: 'https://login.example.org/',
    audience: 'images',
    audienceClaim: 'aud',
    keySetUrl: undefined,
    algorithms: [
      ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
      ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
    ],
    projectClaim: 'project_id',
    userClaim: 'sub',
    rolesClaim: 'roles',
    roleMap: undefined,
    timeoutSeconds: 5,
    allowsHttp: true,
  });
});

test('the settings of a Keystone have these defaults', () => {
  expect(identityOf(keystone)).toEqual({
    kind: 'keystone',
    authUrl,
    certificateFile: undefined,
    account: undefined,
    cacheSeconds: 300,
    timeoutSeconds: 5,
  });
});

const jwt = { IDENTITY: 'jwt', JWT_ISSUER: 'https://login.example.org', JWT_AUDIENCE: 'images' };

test.each([keystone, jwt])('the timeout of $IDENTITY is 1 to 10 seconds', (variables) => {
  for (const seconds of [1, 10]) {
    expect(identityOf({ ...variables, IDENTITY_TIMEOUT_SECONDS: String(seconds) })).toMatchObject({
      timeoutSeconds: seconds,
    });
  }
  for (const text of ['0', '11', '1.5', '-1', 'long']) {
    expect(() => identityOf({ ...variables, IDENTITY_TIMEOUT_SECONDS: text })).toThrow(
      `IDENTITY_TIMEOUT_SECONDS is ${JSON.stringify(text)}, not a whole number of seconds from 1 to 10.`,
    );
  }
});

test('a deployed function uses no key set over http', () => {
  expect(identityOf({ ...jwt, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' })).toMatchObject({ allowsHttp: false });
});

test.each(['https://identity.example.org', 'https://identity.example.org/', `${authUrl}/`, `${authUrl}//`, authUrl])(
  'the address %s is that of version 3',
  (url) => {
    expect(identityOf({ ...keystone, OS_AUTH_URL: url })).toMatchObject({ authUrl });
  },
);

test.each<[string, Record<string, string>, unknown]>([
  [
    'a password',
    { OS_USERNAME: 'image', OS_PASSWORD: 'hush', OS_PROJECT_NAME: 'service', OS_PROJECT_DOMAIN_ID: 'd1' },
    {
      username: 'image',
      password: 'hush',
      projectName: 'service',
      userDomainId: 'default',
      projectDomainId: 'd1',
    },
  ],
  [
    'an application credential',
    { OS_APPLICATION_CREDENTIAL_ID: 'a1', OS_APPLICATION_CREDENTIAL_SECRET: 'hush', OS_USERNAME: 'image' },
    { applicationCredentialId: 'a1', applicationCredentialSecret: 'hush' },
  ],
  ['a secret', { OS_ACCOUNT_SECRET_ARN: 'arn:x', OS_USERNAME: 'image' }, { secretArn: 'arn:x' }],
])('an account by %s', (_what, variables, account) => {
  expect(identityOf({ ...keystone, ...variables })).toMatchObject({ account });
});

test('one error names all problems', () => {
  const loading = () =>
    loadConfig({ IDENTITY: 'jwt', JWT_ISSUER: 'login', JWT_ALGORITHMS: 'RS256,HS256', JWT_ROLE_MAP: 'x' }, [
      'tableName',
      'identity',
    ]);

  expect(loading).toThrow(
    new Error(
      'Configuration: TABLE_NAME is not set; JWT_ISSUER is "login", not a URL such as https://identity.example.org; ' +
        'JWT_AUDIENCE is not set; JWT_ALGORITHMS is "RS256,HS256", not a list of RS256,RS384,RS512,PS256,PS384,PS512,ES256,' +
        'ES384,ES512,EdDSA,Ed25519; JWT_ROLE_MAP is "x", not a list such as image-admins=admin,staff=member with the roles ' +
        'admin, manager, member, reader.',
    ),
  );
});

test.each(['OS_PASSWORD', 'OS_APPLICATION_CREDENTIAL_SECRET'])(
  'a deployed function with %s does not start and does not reveal it',
  (name) => {
    const loading = () => identityOf({ ...keystone, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x', [name]: 'hush' });

    expect(loading).toThrow(
      new Error(`Configuration: ${name} must not be set in a deployed function; use OS_ACCOUNT_SECRET_ARN.`),
    );
  },
);

test('an incomplete account is refused', () => {
  expect(() => identityOf({ ...keystone, OS_USERNAME: 'image' })).toThrow(
    'OS_PASSWORD is not set; OS_PROJECT_NAME is not set.',
  );
});
