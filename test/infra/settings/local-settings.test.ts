import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadSettings } from '../../../infra/settings/local-settings.ts';
import { UsageError } from '../../../infra/usage-error.ts';

test('without variables it listens on the port of Image API servers and keeps data in the checkout', () => {
  const settings = loadSettings({
    PORT: '',
    DATA_DIR: '',
    DYNAMODB_ENDPOINT: '',
    CORS_ORIGINS: '',
    IMAGE_MEMBER_QUOTA: '',
    HISTORY_RETENTION_DAYS: '',
    CONSOLE: '',
    CONSOLE_CONNECT_ORIGINS: '',
    CONSOLE_KEYSTONE_URL: '',
    CONSOLE_OIDC_CLIENT_ID: '',
    CONSOLE_OIDC_SCOPE: '',
  });

  const dataFolder = join(import.meta.dirname, '..', '..', '..', '.data');
  expect(settings).toEqual({
    port: 9292,
    dataFolder,
    tableEndpoint: undefined,
    identity: { IDENTITY: 'dev' },
    memberQuota: 128,
    historyDays: 400,
    allowedSources: '127.0.0.0/8:*,[::1]:*',
    corsOrigins: [],
    console: { CONSOLE_SETTINGS: '{"identity":{"kind":"dev"},"connectOrigins":[]}' },
  });
});

test('each variable sets its setting', () => {
  const keystone = { IDENTITY: 'keystone', OS_AUTH_URL: 'http://127.0.0.1:5000/v3', OS_USERNAME: 'image' };
  const account = { OS_PASSWORD: 'secret', OS_PROJECT_NAME: 'service' };

  const settings = loadSettings({
    ...{ PORT: '0', DATA_DIR: '/data', DYNAMODB_ENDPOINT: 'http://127.0.0.1:8000' },
    CORS_ORIGINS: 'https://console.example',
    PUBLIC_URL: 'https://images.example',
    IMAGE_MEMBER_QUOTA: '3',
    HISTORY_RETENTION_DAYS: '30',
    IMPORT_ALLOWED_SOURCES: 'mirror.example.org:8080',
    CONSOLE: 'off',
    ...{ ...keystone, ...account, JWT_ISSUER: '', UNRELATED: 'x' },
  });

  expect(settings).toEqual({
    port: 0,
    dataFolder: '/data',
    tableEndpoint: 'http://127.0.0.1:8000',
    corsOrigins: ['https://console.example'],
    publicUrl: 'https://images.example',
    memberQuota: 3,
    historyDays: 30,
    allowedSources: 'mirror.example.org:8080',
    identity: { ...keystone, ...account },
  });
});

test.each(['0', '-1', '999999'])('a member quota of %s is valid', (text) => {
  expect(loadSettings({ IMAGE_MEMBER_QUOTA: text }).memberQuota).toBe(Number(text));
});

test('the test identity ignores variables of other programs', () => {
  const settings = loadSettings({ OS_AUTH_URL: 'http://127.0.0.1:5000/v3', OS_PASSWORD: 'secret' });

  expect(settings.identity).toEqual({ IDENTITY: 'dev' });
});

test.each([
  ['PORT', 'abc', '"PORT" must be a number from 0 to 65535; got "abc".'],
  ['PORT', '65536', 'got "65536".'],
  ['PORT', '-1', 'got "-1".'],
  ['PORT', '80 ', 'got "80 ".'],
  [
    'DYNAMODB_ENDPOINT',
    'localhost:8000',
    '"DYNAMODB_ENDPOINT" must be a URL such as http://127.0.0.1:8000; got "localhost:8000".',
  ],
  ['DYNAMODB_ENDPOINT', '8000', '"DYNAMODB_ENDPOINT" must be a URL'],
  ['CORS_ORIGINS', '*', '"CORS_ORIGINS" must be a comma-separated list; each item is an origin'],
  [
    'PUBLIC_URL',
    'http://images.example',
    '"PUBLIC_URL" must be an https URL without a slash at the end; got "http://images.example".',
  ],
  [
    'IMAGE_MEMBER_QUOTA',
    'many',
    '"IMAGE_MEMBER_QUOTA" must be a whole number of members, or -1 for no limit; got "many".',
  ],
  ['IMAGE_MEMBER_QUOTA', '-2', '"IMAGE_MEMBER_QUOTA" must be'],
  ['IMAGE_MEMBER_QUOTA', '1.5', '"IMAGE_MEMBER_QUOTA" must be'],
  ['IMAGE_MEMBER_QUOTA', ' 3', '"IMAGE_MEMBER_QUOTA" must be'],
  ['IMAGE_MEMBER_QUOTA', '1000000', '"IMAGE_MEMBER_QUOTA" must be'],
  ['IMAGE_MEMBER_QUOTA', '9'.repeat(200), `got "${'9'.repeat(80)}".`],
  ['HISTORY_RETENTION_DAYS', '0', '"HISTORY_RETENTION_DAYS" must be a whole number of days from 1 to 3650; got "0".'],
  ['HISTORY_RETENTION_DAYS', '3651', 'got "3651".'],
  [
    'IMPORT_ALLOWED_SOURCES',
    'mirror:0',
    '"IMPORT_ALLOWED_SOURCES" is invalid: Each allowed source must be a host name, an address or a range',
  ],
  ['IDENTITY', 'ldap', 'The identity settings are invalid: IDENTITY is "ldap", not one of none, dev, jwt, keystone.'],
  ['IDENTITY', 'keystone', 'The identity settings are invalid: OS_AUTH_URL is not set.'],
  ['IDENTITY', 'jwt', 'The identity settings are invalid: JWT_ISSUER is not set; JWT_AUDIENCE is not set.'],
])('%s=%s is refused', (variable, value, sentence) => {
  const loading = () => loadSettings({ [variable]: value });

  expect(loading).toThrow(sentence);
});

test('a missing certificate file is refused', () => {
  const env = { IDENTITY: 'keystone', OS_AUTH_URL: 'https://identity.example.org/v3', OS_CACERT: '/nowhere/ca.pem' };

  expect(() => loadSettings(env)).toThrow(
    'The identity settings are invalid: "OS_CACERT" must be the path of an existing file; got "/nowhere/ca.pem".',
  );
});

describe('the console', () => {
  const settingsOf = (env: Readonly<Record<string, string>>) => {
    const { console } = loadSettings(env);
    expect(Object.keys(console!)).toEqual(['CONSOLE_SETTINGS']);
    return JSON.parse(console!['CONSOLE_SETTINGS']!);
  };
  const issuer = 'https://login.example.org/realms/cloud';
  const jwt = { IDENTITY: 'jwt', JWT_ISSUER: issuer, JWT_AUDIENCE: 'images' };

  test('is turned off by CONSOLE=off only', () => {
    expect(loadSettings({ CONSOLE: 'off' }).console).toBeUndefined();
    expect(loadSettings({ CONSOLE: 'on' }).console).toEqual(loadSettings({}).console);
  });

  test('calls Keystone at OS_AUTH_URL, or at the URL for browsers', () => {
    const keystone = { IDENTITY: 'keystone', OS_AUTH_URL: 'http://u:p@127.0.0.1:5000', OS_USERNAME: 'u' };
    const account = { OS_PASSWORD: 'secret', OS_PROJECT_NAME: 'service' };
    const connectOrigins = ['http://127.0.0.1:5000'];

    expect(settingsOf({ ...keystone, ...account })).toEqual({
      identity: { kind: 'keystone', url: 'http://127.0.0.1:5000/v3' },
      connectOrigins,
    });
    expect(
      settingsOf({
        ...{ ...keystone, ...account, CONSOLE_KEYSTONE_URL: 'https://keystone.example.org/identity' },
        CONSOLE_CONNECT_ORIGINS: 'https://a.example, https://keystone.example.org',
      }),
    ).toEqual({
      identity: { kind: 'keystone', url: 'https://keystone.example.org/identity/v3' },
      connectOrigins: ['https://keystone.example.org', 'https://a.example'],
    });
  });

  test('signs in at the issuer with a client id, and otherwise by a token', () => {
    expect(settingsOf(jwt)).toEqual({ identity: { kind: 'token' }, connectOrigins: [] });
    expect(settingsOf({ ...jwt, CONSOLE_OIDC_CLIENT_ID: 'console' })).toEqual({
      identity: { kind: 'oidc', issuer, clientId: 'console', scope: 'openid' },
      connectOrigins: ['https://login.example.org'],
    });
    expect(
      settingsOf({
        ...{ ...jwt, CONSOLE_OIDC_CLIENT_ID: 'console', CONSOLE_OIDC_SCOPE: 'openid images' },
        CONSOLE_CONNECT_ORIGINS: 'https://tokens.example.org:8443',
      }),
    ).toEqual({
      identity: { kind: 'oidc', issuer, clientId: 'console', scope: 'openid images' },
      connectOrigins: ['https://login.example.org', 'https://tokens.example.org:8443'],
    });
    expect(settingsOf({ IDENTITY: 'none' })).toEqual({ identity: { kind: 'none' }, connectOrigins: [] });
  });

  test('ignores the settings of other identities', () => {
    expect(
      settingsOf({ CONSOLE_KEYSTONE_URL: 'https://keystone.example.org', CONSOLE_OIDC_CLIENT_ID: 'console' }),
    ).toEqual({ identity: { kind: 'dev' }, connectOrigins: [] });
  });

  test.each([
    [{ CONSOLE: 'yes' }, '"CONSOLE" must be on or off; got "yes".'],
    [
      { CONSOLE_KEYSTONE_URL: 'http://keystone.example.org/v3' },
      '"CONSOLE_KEYSTONE_URL" must be an https URL without a slash at the end; got "http://keystone.example.org/v3".',
    ],
    [
      { ...jwt, CONSOLE_OIDC_CLIENT_ID: 'console', CONSOLE_OIDC_SCOPE: 'images openid2' },
      '"CONSOLE_OIDC_SCOPE" must be a scope that contains openid, with spaces between several; got "images openid2".',
    ],
    [
      { ...jwt, CONSOLE_OIDC_SCOPE: 'openid' },
      '"CONSOLE_OIDC_SCOPE" requires "CONSOLE_OIDC_CLIENT_ID": the id of a public OpenID Connect client.',
    ],
    [
      { CONSOLE_CONNECT_ORIGINS: "https://a.example; script-src 'self'" },
      '"CONSOLE_CONNECT_ORIGINS" must be a comma-separated list; each item is an origin such as https://console.example, without a path, a slash at the end or a wildcard; got "https://a.example; script-src \'self\'".',
    ],
    [
      { ...jwt, JWT_ISSUER: "https://a;script-src'", CONSOLE_OIDC_CLIENT_ID: 'console' },
      'The URL of the console\'s identity provider must have a host of letters, digits, hyphens and dots; got "https://a;script-src\'".',
    ],
  ])('refuses %j', (env, message) => {
    expect(() => loadSettings(env)).toThrow(new UsageError(message));
  });
});
