import {
  identityVariables,
  isHttpsOrLoopback,
  loadIdentitySettings,
  type IdentitySettings,
} from '../identity/settings.ts';

/** Name of the file with the OpenAPI document beside the code of the discovery function. */
export const apiDocumentFile = 'openapi.json';

/** Names of the environment variables of every function. The CDK grants that set them use these constants. */
export const variables = {
  tableName: 'TABLE_NAME',
  identity: identityVariables.kind,
  publicUrl: 'PUBLIC_URL',
  memberQuota: 'IMAGE_MEMBER_QUOTA',
  eventBusName: 'EVENT_BUS_NAME',
  pendingChangesQueueUrl: 'PENDING_CHANGES_QUEUE_URL',
  deadLetterQueueUrl: 'DEAD_LETTER_QUEUE_URL',
} as const satisfies Record<keyof Config, string>;

export interface Config {
  readonly tableName: string;
  /** Whose tokens are believed, with all that this kind of identity needs to know. */
  readonly identity: IdentitySettings;
  /** The API's own URL, without a slash at the end; undefined for the one that the gateway was called under. */
  readonly publicUrl: string | undefined;
  /** Most members of one image; -1 is unlimited. Default 128, as `image_member_quota` of the Image service. */
  readonly memberQuota: number;
  /** The bus that tells of changes. */
  readonly eventBusName: string;
  /** The queue whose messages say which fan-out may have been left half-way. */
  readonly pendingChangesQueueUrl: string;
  /** The queue for what the function can do nothing with. */
  readonly deadLetterQueueUrl: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a function's settings.
 *
 * @param env - the environment, `process.env` in an entry point
 * @param wanted - the settings that this function has
 * @throws Error naming every missing or unusable variable at once
 */
export function loadConfig<Name extends keyof Config>(env: Environment, wanted: readonly Name[]): Pick<Config, Name> {
  const faults: string[] = [];
  const config = Object.fromEntries(
    wanted.map((name: keyof Config): [string, unknown] => {
      if (name === 'identity') return [name, loadIdentitySettings(env, faults)];
      const value = env[variables[name]] ?? defaults[name];
      const parsed = value === undefined || value === '' ? undefined : parsers[name](value);
      if (name === 'publicUrl' && !value) return [name, undefined];
      if (value === undefined || value === '') faults.push(`${variables[name]} is not set`);
      else if (parsed === undefined) faults.push(`${variables[name]} is ${JSON.stringify(value)}, not ${forms[name]}`);
      return [name, parsed];
    }),
  );
  if (faults.length > 0) throw new Error(`Configuration: ${faults.join('; ')}.`);
  return Object.freeze(config) as Pick<Config, Name>;
}

/** What {@link isPublicUrl} is true of, in words. */
export const publicUrlForm = 'an https URL without a slash at the end';

/** Whether links can be built from a URL: https (or plain http on the loopback interface), and nothing after the path. */
export function isPublicUrl(text: string): boolean {
  const { origin = '', pathname = '' } = URL.parse(text) ?? {};
  return isHttpsOrLoopback(text) && text === `${origin}${pathname.replace(/\/$/, '')}`;
}

/** What one variable says. */
type Plain = Exclude<keyof Config, 'identity'>;

/** Default of `image_member_quota` of the Image service. */
export const defaultMemberQuota = 128;

/** Tuning values only; a resource's name has no default. */
const defaults: Partial<Record<keyof Config, string>> = { memberQuota: String(defaultMemberQuota) };

const parsers: { readonly [Name in Plain]: (text: string) => Config[Name] | undefined } = {
  tableName: (text) => text,
  publicUrl: (text) => (isPublicUrl(text) ? text : undefined),
  memberQuota: (text) => (/^(-1|\d{1,6})$/.test(text) ? Number(text) : undefined),
  eventBusName: (text) => text,
  pendingChangesQueueUrl: (text) => text,
  deadLetterQueueUrl: (text) => text,
};

const forms: Readonly<Record<Plain, string>> = {
  tableName: "a table's name",
  publicUrl: publicUrlForm,
  memberQuota: 'a whole number of members, or -1 for no limit',
  eventBusName: "an event bus's name",
  pendingChangesQueueUrl: "a queue's URL",
  deadLetterQueueUrl: "a queue's URL",
};
