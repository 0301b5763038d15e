import { accessSync, constants } from 'node:fs';
import { z } from 'zod';
import { isOrigin, isScope, originFormat, scopeFormat } from '../../lambda/console/console-settings.ts';
import { roles } from '../../lambda/domain/caller.ts';
import { parseProjectId } from '../../lambda/domain/ids.ts';
import { isPublicUrl, maxHistoryRetentionDays, publicUrlFormat } from '../../lambda/functions/config.ts';
import { parseAllowedSources } from '../../lambda/image-source/allowed-sources.ts';
import { isHttpsOrLoopback, signatureAlgorithms } from '../../lambda/identity/settings.ts';

/** A text in a format. The message of a problem is `"<setting>" must be <format>; got …`. */
const text = (format: string, isValid: (value: string) => boolean = (value) => value !== '') =>
  z.string({ error: format }).refine(isValid, { error: format });

const matching = (pattern: RegExp, format: string) => text(format, (value) => pattern.test(value));

const wholeNumber = (min: number, max = Number.MAX_SAFE_INTEGER, reason = '') => {
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  const error = `a whole number ${range}${reason}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

const flag = () => z.boolean({ error: 'true or false' });

const list = <Item extends z.ZodType>(item: Item, format: string) =>
  z.array(item, { error: `a list of ${format}` }).min(1, { error: `a list of ${format}, not empty` });

const secretArn = () =>
  matching(
    /^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]+-\w{6}$/,
    'the complete ARN of a secret, arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>',
  );

const topicArn = () =>
  matching(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/, 'the ARN of a topic that is not FIFO');

const httpsUrl = (example: string) =>
  text(`an https URL such as ${example}`, (value) => URL.canParse(value) && isHttpsOrLoopback(value));

const claim = () => text('the name of a claim');

const identityTimeoutSeconds = () => wholeNumber(1, 10);

const noIdentity = z.strictObject({
  /** Refuses every token. */
  kind: z.literal('none'),
});

const jwtIdentity = z.strictObject({
  /** JSON Web Tokens of an OpenID Connect issuer, such as Amazon Cognito. The functions verify them without a call. */
  kind: z.literal('jwt'),
  /** Exact `iss` of the tokens, such as `https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_…`. */
  issuer: httpsUrl('https://login.example.org/realms/cloud'),
  /** Required audience of the tokens. */
  audience: text('the audience of the tokens'),
  /** Claim that contains the audience. Default `aud`; access tokens of Cognito use `client_id`. */
  audienceClaim: claim().optional(),
  /** URL of the issuer's key set. Default: from its `/.well-known/openid-configuration`. */
  keySetUrl: httpsUrl('https://login.example.org/keys').optional(),
  /** Accepted signature algorithms. Default: all algorithms with a private key. */
  algorithms: list(
    z.enum(signatureAlgorithms, { error: `one of ${signatureAlgorithms.join(', ')}` }),
    'signature algorithms',
  ).optional(),
  /** Default `project_id`. */
  projectClaim: claim().optional(),
  /** Default `sub`. */
  userClaim: claim().optional(),
  /** Default `roles`. */
  rolesClaim: claim().optional(),
  /** Roles by the issuer's name for them. Other names are ignored. Default: manager, member and reader; no admin. */
  roleMap: z
    .record(
      matching(/^[^=,]+$/, 'a name without "=" and ","'),
      z.enum(roles, { error: `one of ${roles.join(', ')}` }),
      {
        error: 'an object such as {"image-admins": "admin"}',
      },
    )
    .optional(),
  /** Timeout of a call to the issuer, 1 to 10 s. Default 5. */
  timeoutSeconds: identityTimeoutSeconds().optional(),
});

const keystoneIdentity = z.strictObject({
  /** Tokens of an OpenStack Keystone. The functions call it to verify each token. */
  kind: z.literal('keystone'),
  /** URL of version 3 of the identity API. */
  authUrl: httpsUrl('https://identity.example.org/v3'),
  /**
   * Complete ARN of the secret in Secrets Manager with the service account for calls to Keystone. Default: each call
   * authenticates with the token that it verifies.
   */
  accountSecretArn: secretArn().optional(),
  /**
   * Path of a local PEM file with the only certificate authorities that Keystone's certificate may have. Default: the
   * public certificate authorities.
   */
  certificateFile: text('the path of a readable file', isReadable).optional(),
  /** Seconds to cache a valid token, 0 to 300. Default 300. */
  cacheSeconds: wholeNumber(0, 300).optional(),
  /** Timeout of a call to Keystone, 1 to 10 s. Default 5. */
  timeoutSeconds: identityTimeoutSeconds().optional(),
});

/** Settings of each kind of identity. */
export const identitySchemas = { none: noIdentity, jwt: jwtIdentity, keystone: keystoneIdentity } as const;

const identityFormat = `{"kind": …} with the kind ${Object.keys(identitySchemas).join(', ')}`;

const offerSubscription = z
  .strictObject(
    {
      /** Id of the project. A project has at most one subscription. */
      project: text('a project id', (value) => parseProjectId(value) !== undefined),
      /** Topic in the stack's account and region that receives the notifications. */
      topicArn: topicArn().optional(),
      /** URL that receives each notification as a POST. */
      webhookUrl: text('an https URL in ASCII without a password, a fragment and spaces', isWebhookUrl).optional(),
      /** Secret that contains the value of the header `Authorization` of the webhook. */
      secretArn: secretArn().optional(),
    },
    { error: 'an object' },
  )
  .refine(
    ({ topicArn, webhookUrl, secretArn }) =>
      topicArn === undefined ? webhookUrl !== undefined && secretArn !== undefined : !webhookUrl && !secretArn,
    { error: 'either a project with a "topicArn", or a project with a "webhookUrl" and a "secretArn"' },
  );

const fields = {
  /** True for a stage whose data must not be lost; `docs/operations.md` lists the consequences. */
  production: flag(),
  /** Name of the stack. Default `ImageSharing-<stage>`. */
  stackName: matching(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'a letter, followed by letters, digits and hyphens').optional(),
  /** The only account to deploy to, 12 digits. Default: the account of the credentials. */
  account: matching(/^\d{12}$/, 'an account id of 12 digits').optional(),
  /** Region to deploy to. Default: the region of the AWS environment variables or profile. */
  region: matching(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-central-1').optional(),
  /** Token verifier of the API. Required in production. Default `{"kind": "none"}`, which refuses every token. */
  identity: z
    .discriminatedUnion('kind', [noIdentity, jwtIdentity, keystoneIdentity], { error: identityFormat })
    .optional(),
  /**
   * VPC of the API's functions, for an identity that is reachable only from there. It must provide access to DynamoDB
   * and, for a service account, to Secrets Manager.
   */
  network: z
    .strictObject(
      {
        subnetIds: list(matching(/^subnet-\w+$/, 'the id of a subnet'), 'subnet ids'),
        securityGroupIds: list(matching(/^sg-\w+$/, 'the id of a security group'), 'security group ids'),
      },
      { error: 'an object with "subnetIds" and "securityGroupIds"' },
    )
    .optional(),
  /** Maximum number of members of an image; -1 is unlimited. Default 128. */
  memberQuota: wholeNumber(-1, 999_999, ' (-1 is unlimited)').optional(),
  /** Retention of the history of images in days, 1 to 3650. It applies to new changes only. Default 400. */
  historyDays: wholeNumber(1, maxHistoryRetentionDays).optional(),
  /**
   * Concurrent executions reserved for each of the API's functions. Required in production. Default: shared with the
   * account.
   */
  reservedConcurrency: wholeNumber(1, undefined, ', because 0 disables the functions').optional(),
  /** Requests per second and burst that the gateway accepts on each route. Default 500, and half the rate. */
  routeThrottle: z
    .strictObject({ rate: wholeNumber(1), burst: wholeNumber(1).optional() }, { error: 'an object with "rate"' })
    .optional(),
  /** Warm throughput of the table and its index, in units per second. It cannot be decreased. */
  warmThroughput: z
    .strictObject(
      // A new on-demand table has this warm throughput ("Warm throughput" in the DynamoDB developer guide).
      { reads: wholeNumber(12_000), writes: wholeNumber(4_000) },
      { error: 'an object with "reads" and "writes"' },
    )
    .optional(),
  /** Origins whose pages may call the API from a browser. Default: none. */
  corsOrigins: list(text(originFormat, isOrigin), 'origins').optional(),
  /** URL under which clients call the API, for the links in responses. Default: the custom domain or the gateway's. */
  publicUrl: text(publicUrlFormat, isPublicUrl).optional(),
  /** The web console at `/console/index.html`; false turns it off. Default: on, with the defaults of its settings. */
  console: z
    .union(
      [
        z.literal(false),
        z.strictObject({
          /** URL at which browsers reach Keystone. Default: `identity.authUrl`. */
          keystoneUrl: text(publicUrlFormat, isPublicUrl).optional(),
          /** Id of the public OpenID Connect client. Default: users paste a token. */
          clientId: text('the id of a client').optional(),
          /** Scope that the page requests from the issuer. Default `openid`. */
          scope: text(scopeFormat, isScope).optional(),
          /** Further origins that the page may call, such as that of a token endpoint on another host. Default: none. */
          connectOrigins: list(text(originFormat, isOrigin), 'origins').optional(),
        }),
      ],
      { error: 'false or an object such as {"clientId": "console"}' },
    )
    .optional(),
  /** Limits and sources of imports of image data. */
  imports: z
    .strictObject(
      {
        /** Default 10 GiB; the maximum is S3's. */
        maxBytes: wholeNumber(1, 5 * 1024 ** 4).optional(),
        /** Maximum time of an import, 1 to 840 s. Default 840. */
        maxSeconds: wholeNumber(1, 840).optional(),
        /** Minimum speed of a source. Default 64 KiB/s. */
        minBytesPerSecond: wholeNumber(1).optional(),
        /** Sources in addition to public addresses on the ports 80 and 443. Default: none. */
        allowedSources: list(
          text(
            'a host, an address or a range, with an optional port, such as mirror.example.org:8080',
            isAllowedSource,
          ),
          'sources',
        ).optional(),
      },
      { error: 'an object such as {"maxBytes": 1073741824}' },
    )
    .optional(),
  /** Custom domain of the API, with a certificate of the stack's region. */
  domain: z
    .strictObject(
      {
        name: matching(/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/, 'a domain name'),
        certificateArn: matching(/^arn:aws[\w-]*:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/, 'the ARN of a certificate'),
      },
      { error: 'an object with "name" and "certificateArn"' },
    )
    .optional(),
  /** SNS topic, in the stack's region, that receives the beginning and the end of each alarm. Required in production. */
  alarmTopicArn: topicArn().optional(),
  /** Topics and webhooks that receive notifications of the offers to a project. Default: none. */
  offerSubscriptions: list(offerSubscription, 'subscriptions').optional(),
  /** Accounts that may consume the notifications by rules of their own on the bus. Default: none. */
  eventConsumerAccounts: list(matching(/^\d{12}$/, 'an account id of 12 digits'), 'account ids').optional(),
  /** Traces requests with X-Ray. Default: in production. */
  tracing: flag().optional(),
  /** Shifts traffic to a new version in steps, with a rollback on alarms. Default: in production. */
  canary: flag().optional(),
  /** Backs up the table daily and monthly, besides point-in-time recovery. Default false. */
  backupPlan: flag().optional(),
  /** Name of a table that replaces the stack's own, after a restore. */
  restoredTable: matching(/^[\w.-]{3,255}$/, 'the name of a table').optional(),
  /** KMS key that encrypts the logs. Default: the key of CloudWatch Logs. */
  logKeyArn: matching(/^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/, 'the ARN of a KMS key').optional(),
  /** Path below which the stack's outputs are also SSM parameters, such as `/image-sharing/prod`. Default: none. */
  parameterPrefix: matching(/^(\/[\w.-]+)+$/, 'a path such as /image-sharing/prod').optional(),
  /** Tags of every resource. */
  tags: z
    .record(
      matching(/^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u, 'the key of a tag'),
      matching(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u, 'the value of a tag'),
      { error: 'an object such as {"team": "platform"}' },
    )
    .optional(),
};

/** Schema of the settings of a stage. `parseStageSettings` adds the rules between settings. */
export const stageSettingsSchema = z.strictObject(fields, { error: 'an object' });

/** Settings of a stage, as a file in `infra/stages/` or the JSON file of `--settings` contains them. */
export type StageSettings = z.input<typeof stageSettingsSchema>;

function isAllowedSource(value: string): boolean {
  try {
    return parseAllowedSources(value).length === 1 && !value.includes(',');
  } catch {
    return false;
  }
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function isWebhookUrl(value: string): boolean {
  const { protocol, username, password, hash } = URL.parse(value) ?? {};
  return protocol === 'https:' && `${username}${password}${hash}` === '' && /^[!-)+-~]+$/.test(value);
}
