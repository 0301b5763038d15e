import {
  identityVariables,
  isHttpsOrLoopback,
  loadIdentitySettings,
  type IdentitySettings,
} from '../identity/settings.ts';

/** Name of the file with the OpenAPI document beside the code of the discovery function. */
export const apiDocumentFile = 'openapi.json';

/** Name of the file with the page beside the code of the console function: a JSON object of texts by file name. */
export const consoleFile = 'console.json';

/** Names of the environment variables of every function. The CDK grants that set them use these constants. */
export const variables = {
  stackName: 'STACK_NAME',
  tableName: 'TABLE_NAME',
  identity: identityVariables.kind,
  publicUrl: 'PUBLIC_URL',
  memberQuota: 'IMAGE_MEMBER_QUOTA',
  historyRetentionDays: 'HISTORY_RETENTION_DAYS',
  eventBusName: 'EVENT_BUS_NAME',
  pendingChangesQueueUrl: 'PENDING_CHANGES_QUEUE_URL',
  deadLetterQueueUrl: 'DEAD_LETTER_QUEUE_URL',
  imageBucketName: 'IMAGE_BUCKET_NAME',
  imageDataQueueUrl: 'IMAGE_DATA_QUEUE_URL',
  imageEndpoint: 'AWS_ENDPOINT_URL_S3',
  importLimits: 'IMPORT_LIMITS',
  allowedSources: 'IMPORT_ALLOWED_SOURCES',
  hasConsole: 'CONSOLE',
  consoleSettings: 'CONSOLE_SETTINGS',
} as const satisfies Record<keyof Config, string>;

export interface Config {
  /** The stack's name, a dimension of all metrics. */
  readonly stackName: string;
  readonly tableName: string;
  /** The kind of token verifier and its settings. */
  readonly identity: IdentitySettings;
  /** The API's own URL without a slash at the end, or `undefined` to use the host name of each request. */
  readonly publicUrl: string | undefined;
  /**
   * Maximum number of members of an image, or -1 for no limit. Default 128, as `image_member_quota` of the Image
   * service.
   */
  readonly memberQuota: number;
  /** Retention of the history of images in days. Default 400. */
  readonly historyRetentionDays: number;
  /** The bus to which notifications are published. */
  readonly eventBusName: string;
  /** The queue of messages that schedule the completion of pending changes. */
  readonly pendingChangesQueueUrl: string;
  readonly deadLetterQueueUrl: string;
  /** The bucket of image data. */
  readonly imageBucketName: string;
  /** The queue of imports and deletions of image data. */
  readonly imageDataQueueUrl: string;
  /** URL of another S3 than Amazon's. The SDK reads the same variable. */
  readonly imageEndpoint: string | undefined;
  readonly importLimits: ImportLimits;
  /** List of sources of imports in addition to public addresses on the ports 80 and 443; empty for none. */
  readonly allowedSources: string;
  /** True if the API serves the console. */
  readonly hasConsole: boolean;
  /** JSON of the settings of the console. */
  readonly consoleSettings: string;
}

/** Limits of the import of one image. */
export interface ImportLimits {
  readonly maxBytes: number;
  readonly maxSeconds: number;
  readonly minBytesPerSecond: number;
  /** Time over which the speed is measured. */
  readonly speedWindowSeconds: number;
  /** Maximum time from a request to the headers of its response. */
  readonly responseTimeoutSeconds: number;
}

/** The default limits. A function runs for at most 900 s, and ends an import before. */
export const defaultImportLimits: ImportLimits = {
  maxBytes: 10 * 1024 ** 3,
  maxSeconds: 840,
  minBytesPerSecond: 64 * 1024,
  speedWindowSeconds: 30,
  responseTimeoutSeconds: 15,
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings of a function.
 *
 * @param env - the environment, `process.env` in an entry point
 * @param names - the settings of this function
 * @throws Error that names every missing or invalid variable
 */
export function loadConfig<Name extends keyof Config>(env: Environment, names: readonly Name[]): Pick<Config, Name> {
  const problems: string[] = [];
  const config = Object.fromEntries(names.map((name) => [name, readers[name](env, problems)]));
  if (problems.length > 0) throw new Error(`Configuration: ${problems.join('; ')}.`);
  return Object.freeze(config) as Pick<Config, Name>;
}

/** Description of a URL that {@link isPublicUrl} accepts, for error messages. */
export const publicUrlFormat = 'an https URL without a slash at the end';

/**
 * Returns whether links can be built from a URL: https, or http on the loopback interface, and nothing after the path.
 */
export function isPublicUrl(text: string): boolean {
  const { origin = '', pathname = '' } = URL.parse(text) ?? {};
  return isHttpsOrLoopback(text) && text === `${origin}${pathname.replace(/\/$/, '')}`;
}

/** Default of `image_member_quota` of the Image service. */
export const defaultMemberQuota = 128;

/** Default retention of the history: a year and a month, so that a yearly audit sees the whole year. */
export const defaultHistoryRetentionDays = 400;

/** Longest retention of the history in days: ten years. */
export const maxHistoryRetentionDays = 3650;

/** Reads one setting. Returns `undefined` and adds a problem if the variable is missing or invalid. */
type Reader<Value> = (env: Environment, problems: string[]) => Value | undefined;

/** Returns the reader of a resource's name or URL, which has no default. */
const requiredText =
  (variable: string): Reader<string> =>
  (env, problems) => {
    const value = env[variable];
    if (value) return value;
    problems.push(`${variable} is not set`);
    return undefined;
  };

const readPublicUrl: Reader<string> = (env, problems) => {
  const value = env[variables.publicUrl];
  if (!value || isPublicUrl(value)) return value || undefined;
  problems.push(`${variables.publicUrl} is ${JSON.stringify(value)}, not ${publicUrlFormat}`);
  return undefined;
};

const readMemberQuota: Reader<number> = (env, problems) => {
  const value = env[variables.memberQuota] ?? String(defaultMemberQuota);
  if (/^(-1|\d{1,6})$/.test(value)) return Number(value);
  problems.push(
    `${variables.memberQuota} is ${JSON.stringify(value)}, not a whole number of members, or -1 for no limit`,
  );
  return undefined;
};

const readHistoryRetentionDays: Reader<number> = (env, problems) => {
  const value = env[variables.historyRetentionDays] || String(defaultHistoryRetentionDays);
  const days = /^\d{1,4}$/.test(value) ? Number(value) : 0;
  if (days >= 1 && days <= maxHistoryRetentionDays) return days;
  problems.push(
    `${variables.historyRetentionDays} is ${JSON.stringify(value)}, not a whole number of days from 1 to ${maxHistoryRetentionDays}`,
  );
  return undefined;
};

const readImportLimits: Reader<ImportLimits> = (env, problems) => {
  const text = env[variables.importLimits] || '{}';
  try {
    return { ...defaultImportLimits, ...(JSON.parse(text) as Partial<ImportLimits>) };
  } catch {
    problems.push(`${variables.importLimits} is ${JSON.stringify(text)}, not a JSON object of limits`);
    return undefined;
  }
};

const readers: { readonly [Name in keyof Config]: Reader<Config[Name]> } = {
  stackName: requiredText(variables.stackName),
  tableName: requiredText(variables.tableName),
  identity: loadIdentitySettings,
  publicUrl: readPublicUrl,
  memberQuota: readMemberQuota,
  historyRetentionDays: readHistoryRetentionDays,
  eventBusName: requiredText(variables.eventBusName),
  pendingChangesQueueUrl: requiredText(variables.pendingChangesQueueUrl),
  deadLetterQueueUrl: requiredText(variables.deadLetterQueueUrl),
  imageBucketName: requiredText(variables.imageBucketName),
  imageDataQueueUrl: requiredText(variables.imageDataQueueUrl),
  imageEndpoint: (env) => env[variables.imageEndpoint] || env['AWS_ENDPOINT_URL'] || undefined,
  importLimits: readImportLimits,
  allowedSources: (env) => env[variables.allowedSources] ?? '',
  hasConsole: (env) => env[variables.hasConsole] === 'on',
  consoleSettings: requiredText(variables.consoleSettings),
};
