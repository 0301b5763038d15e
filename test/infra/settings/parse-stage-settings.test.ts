import { expect, test } from '@jest/globals';
import { identityConfiguration } from '../../../infra/settings/identity-configuration.ts';
import { parseStageSettings } from '../../../infra/settings/parse-stage-settings.ts';
import type { StageSettings } from '../../../infra/settings/stage-settings.ts';
import { UsageError } from '../../../infra/usage-error.ts';

const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:hook-AbCdEf';
const topicArn = 'arn:aws:sns:eu-central-1:111122223333:offers';
const issuer = 'https://login.example.org/realms/cloud';

/** Returns the sentences about settings of a development stage. */
function problemsOf(settings: object): readonly string[] {
  try {
    parseStageSettings({ production: false, ...settings }, 'settings.json');
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    const [first, ...problems] = (error as UsageError).message.split('\n');
    expect(first).toBe('The settings in settings.json are invalid:');
    return problems.map((line) => line.trim());
  }
}

const everySetting: Required<StageSettings> = {
  production: true,
  stackName: 'Sharing',
  account: '111122223333',
  region: 'eu-central-1',
  identity: {
    kind: 'keystone',
    authUrl: 'https://identity.example.org:5000/v3',
    accountSecretArn: secretArn,
    certificateFile: import.meta.filename,
    cacheSeconds: 0,
    timeoutSeconds: 10,
  },
  network: { subnetIds: ['subnet-0123456789abcdef0'], securityGroupIds: ['sg-0123456789abcdef0'] },
  memberQuota: -1,
  historyDays: 3650,
  reservedConcurrency: 1,
  routeThrottle: { rate: 1, burst: 1 },
  warmThroughput: { reads: 12_000, writes: 4_000 },
  console: { keystoneUrl: 'https://keystone.example.org/v3', connectOrigins: ['https://a.example'] },
  imports: {
    maxBytes: 1,
    maxSeconds: 840,
    minBytesPerSecond: 1,
    allowedSources: ['mirror.example.org:8080', '10.1.0.0/16', '[fd00::/8]:*'],
  },
  corsOrigins: ['https://console.example', 'http://127.0.0.1:3000'],
  publicUrl: 'https://images.example/v',
  domain: {
    name: 'images.example.org',
    certificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/0123abcd-01ab-01ab-01ab-0123456789ab',
  },
  alarmTopicArn: topicArn,
  offerSubscriptions: [
    { project: 'beta', topicArn },
    { project: 'gamma', webhookUrl: 'https://hooks.example/images', secretArn },
  ],
  eventConsumerAccounts: ['444455556666'],
  tracing: false,
  canary: false,
  backupPlan: true,
  restoredTable: 'ImageSharing-Table-1ABC',
  logKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/0123abcd-01ab-01ab-01ab-0123456789ab',
  parameterPrefix: '/image-sharing/prod',
  tags: { team: 'platform', 'cost center': '' },
};

test('every setting is accepted and unchanged', () => {
  expect(parseStageSettings(everySetting, 'settings.json')).toEqual(everySetting);
});

test.each<NonNullable<StageSettings['console']>>([false, {}, { clientId: 'console', scope: 'openid images' }])(
  'the console can be %j',
  (console) => {
    expect(problemsOf({ identity: { kind: 'jwt', issuer, audience: 'a' }, console })).toEqual([]);
  },
);

test.each<[string, object, string]>([
  ['a misspelt setting', { identiy: 1 }, '"identiy" is not a setting; did you mean "identity"?'],
  ['an unknown setting', { colour: 1 }, '"colour" is not a setting.'],
  [
    'a setting of another identity',
    { identity: { kind: 'jwt', issuer, audience: 'a', authUrl: issuer } },
    '"identity.authUrl" is a setting of the identity "keystone" and is unused with "jwt"; remove it.',
  ],
  [
    'a misspelt setting of an identity',
    { identity: { kind: 'jwt', issuer, audience: 'a', isuer: issuer } },
    '"identity.isuer" is not a setting; did you mean "identity.issuer"?',
  ],
  [
    'a misspelt setting in a list',
    { offerSubscriptions: [{ project: 'beta', topicArn, topicARN: 1 }] },
    '"offerSubscriptions[0].topicARN" is not a setting; did you mean "offerSubscriptions[0].topicArn"?',
  ],
  ['an unknown identity', { identity: { kind: 'ldap' } }, '"identity.kind" must be none, jwt, keystone; got "ldap".'],
  [
    'an identity as a text',
    { identity: 'jwt' },
    '"identity" must be {"kind": …} with the kind none, jwt, keystone; got "jwt".',
  ],
  [
    'the identity of the local server',
    { identity: { kind: 'dev' } },
    '"identity.kind" must be none, jwt, keystone; got "dev".',
  ],
  [
    'a missing audience',
    { identity: { kind: 'jwt', issuer } },
    '"identity.audience" is required: the audience of the tokens.',
  ],
  [
    'an issuer over http',
    { identity: { kind: 'jwt', issuer: 'http://login.example.org', audience: 'a' } },
    '"identity.issuer" must be an https URL such as https://login.example.org/realms/cloud; got "http://login.example.org".',
  ],
  [
    'an algorithm with a shared key',
    { identity: { kind: 'jwt', issuer, audience: 'a', algorithms: ['HS256'] } },
    '"identity.algorithms[0]" must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519; got "HS256".',
  ],
  [
    'an unknown role',
    { identity: { kind: 'jwt', issuer, audience: 'a', roleMap: { staff: 'root' } } },
    '"identity.roleMap.staff" must be one of admin, manager, member, reader; got "root".',
  ],
  [
    'a cache of over 300 s',
    { identity: { kind: 'keystone', authUrl: issuer, cacheSeconds: 301 } },
    '"identity.cacheSeconds" must be a whole number from 0 to 300; got 301.',
  ],
  [
    'the name of a secret',
    { identity: { kind: 'keystone', authUrl: issuer, accountSecretArn: secretArn.slice(0, -7) } },
    `"identity.accountSecretArn" must be the complete ARN of a secret, arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>; got "${secretArn.slice(0, -7)}".`,
  ],
  [
    'a missing certificate file',
    { identity: { kind: 'keystone', authUrl: issuer, certificateFile: '/nowhere/ca.pem' } },
    '"identity.certificateFile" must be the path of a readable file; got "/nowhere/ca.pem".',
  ],
  [
    'an incomplete network',
    { network: { subnetIds: ['subnet-1'] } },
    '"network.securityGroupIds" is required: a list of security group ids.',
  ],
  [
    'a concurrency of 0',
    { reservedConcurrency: 0 },
    '"reservedConcurrency" must be a whole number from 1, because 0 disables the functions; got 0.',
  ],
  [
    'a number as a text',
    { reservedConcurrency: '5' },
    '"reservedConcurrency" must be a whole number from 1, because 0 disables the functions; got "5".',
  ],
  ['a flag as a text', { tracing: 'yes' }, '"tracing" must be true or false; got "yes".'],
  ['a rate of 0', { routeThrottle: { rate: 0 } }, '"routeThrottle.rate" must be a whole number from 1; got 0.'],
  [
    'a burst without a rate',
    { routeThrottle: { burst: 5 } },
    '"routeThrottle.rate" is required: a whole number from 1.',
  ],
  ['a history that is not kept', { historyDays: 0 }, '"historyDays" must be a whole number from 1 to 3650; got 0.'],
  [
    'a throughput below that of a new table',
    { warmThroughput: { reads: 20_000, writes: 10 } },
    '"warmThroughput.writes" must be a whole number from 4000; got 10.',
  ],
  [
    'a wildcard origin',
    { corsOrigins: ['*'] },
    '"corsOrigins[0]" must be an origin such as https://console.example, without a path, a slash at the end or a wildcard; got "*".',
  ],
  [
    'a public URL over http',
    { publicUrl: 'http://images.example/' },
    '"publicUrl" must be an https URL without a slash at the end; got "http://images.example/".',
  ],
  [
    'a wildcard domain',
    { domain: { ...everySetting.domain, name: '*.example.org' } },
    '"domain.name" must be a domain name; got "*.example.org".',
  ],
  [
    'the name of a topic',
    { alarmTopicArn: 'alarms' },
    '"alarmTopicArn" must be the ARN of a topic that is not FIFO; got "alarms".',
  ],
  [
    'an account as a number',
    { account: 111122223333 },
    '"account" must be an account id of 12 digits; got 111122223333.',
  ],
  [
    'an availability zone',
    { region: 'eu-central-1a' },
    '"region" must be a region such as eu-central-1; got "eu-central-1a".',
  ],
  ['a reserved tag', { tags: { 'aws:x': 'y' } }, 'The key "aws:x" of "tags" must be the key of a tag.'],
  [
    'an invalid project',
    { offerSubscriptions: [{ project: 'a/b', topicArn }] },
    '"offerSubscriptions[0].project" must be a project id; got "a/b".',
  ],
  [
    'a subscription without a destination',
    { offerSubscriptions: [{ project: 'beta' }] },
    '"offerSubscriptions[0]" must be either a project with a "topicArn", or a project with a "webhookUrl" and a "secretArn"; got {"project":"beta"}.',
  ],
  [
    'a webhook with a password',
    { offerSubscriptions: [{ project: 'beta', webhookUrl: 'https://u:p@hooks.example/', secretArn }] },
    '"offerSubscriptions[0].webhookUrl" must be an https URL in ASCII without a password, a fragment and spaces; got "https://u:p@hooks.example/".',
  ],
  [
    'a FIFO topic',
    { offerSubscriptions: [{ project: 'beta', topicArn: `${topicArn}.fifo` }] },
    `"offerSubscriptions[0].topicArn" must be the ARN of a topic that is not FIFO; got "${topicArn}.fifo".`,
  ],
  [
    'a console that is neither off nor configured',
    { console: true },
    '"console" must be false or an object such as {"clientId": "console"}; got true.',
  ],
  [
    'a list as a console',
    { console: [] },
    '"console" must be false or an object such as {"clientId": "console"}; got [].',
  ],
  [
    'a misspelt setting of the console',
    { console: { clientID: 'console' } },
    '"console.clientID" is not a setting; did you mean "console.clientId"?',
  ],
  [
    "the browser's Keystone over http",
    { identity: { kind: 'keystone', authUrl: issuer }, console: { keystoneUrl: 'http://keystone.example.org' } },
    '"console.keystoneUrl" must be an https URL without a slash at the end; got "http://keystone.example.org".',
  ],
  [
    'an origin of the console with a path',
    { console: { connectOrigins: ['https://a.example', 'https://b.example/path'] } },
    '"console.connectOrigins[1]" must be an origin such as https://console.example, without a path, a slash at the end or a wildcard; got "https://b.example/path".',
  ],
  [
    'a number as a client id',
    { identity: { kind: 'jwt', issuer, audience: 'a' }, console: { clientId: 1 } },
    '"console.clientId" must be the id of a client; got 1.',
  ],
  [
    "the browser's Keystone without Keystone",
    { identity: { kind: 'jwt', issuer, audience: 'a' }, console: { keystoneUrl: 'https://keystone.example.org' } },
    '"console.keystoneUrl" is a setting for the identity "keystone" and is unused with "jwt"; remove it.',
  ],
  [
    'a client id without an issuer',
    { console: { clientId: 'console' } },
    '"console.clientId" is a setting for the identity "jwt" and is unused with "none"; remove it.',
  ],
  [
    'a scope with Keystone',
    { identity: { kind: 'keystone', authUrl: issuer }, console: { scope: 'openid' } },
    '"console.scope" is a setting for the identity "jwt" and is unused with "keystone"; remove it.',
  ],
  [
    'a scope without openid',
    { identity: { kind: 'jwt', issuer, audience: 'a' }, console: { clientId: 'c', scope: 'images' } },
    '"console.scope" must be a scope that contains openid, with spaces between several; got "images".',
  ],
  [
    'a scope without a client id',
    { identity: { kind: 'jwt', issuer, audience: 'a' }, console: { scope: 'openid' } },
    '"console.scope" requires "console.clientId": the id of a public OpenID Connect client.',
  ],
  [
    'two subscriptions of one project',
    {
      offerSubscriptions: [
        { project: 'beta', topicArn },
        { project: 'beta', topicArn },
      ],
    },
    '"offerSubscriptions" must have one item for each project; got "beta" twice.',
  ],
])('%s gives one sentence', (_what, settings, sentence) => {
  expect(problemsOf(settings)).toEqual([sentence]);
});

test('all problems are reported together', () => {
  expect(problemsOf({ production: true, identiy: {}, tracing: 1 })).toEqual([
    '"tracing" must be true or false; got 1.',
    '"identiy" is not a setting; did you mean "identity"?',
    '"identity" is required in production, because without an identity the service refuses every token.',
    '"alarmTopicArn" is required in production: the ARN of the SNS topic that receives the alarms.',
    '"reservedConcurrency" is required in production: a whole number from 1, such as 100.',
  ]);
});

test('production refuses an identity that refuses every token', () => {
  const { alarmTopicArn, reservedConcurrency } = everySetting;

  expect(problemsOf({ production: true, alarmTopicArn, reservedConcurrency, identity: { kind: 'none' } })).toEqual([
    '"identity" is required in production, because without an identity the service refuses every token.',
  ]);
});

test.each([[undefined], ['settings'], [[1]], [null]])('%j are no settings', (value) => {
  expect(() => parseStageSettings(value, 'settings.json')).toThrow(/\n {2}The settings must be an object; got/);
});

test('the functions can load every accepted identity', () => {
  const jwt = {
    kind: 'jwt' as const,
    issuer,
    audience: 'images',
    audienceClaim: 'client_id',
    keySetUrl: `${issuer}/keys`,
    algorithms: ['RS256' as const],
    projectClaim: 'tenant',
    userClaim: 'email',
    rolesClaim: 'realm_access.roles',
    roleMap: { Staff: 'member' as const },
    timeoutSeconds: 1,
  };
  for (const identity of [jwt, everySetting.identity, { kind: 'none' as const }]) {
    expect(problemsOf({ identity })).toEqual([]);
    expect(identityConfiguration(identity).environment).toMatchObject({ IDENTITY: identity.kind });
  }
});
