import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { consoleEnvironment, type ConsoleOptions } from './console-configuration.ts';
import { parseOrigins } from './cors-origins.ts';
import { defaultAllowedSources } from './local-variables.ts';
import { invalidSetting } from './invalid-setting.ts';
import {
  isPublicUrl,
  loadConfig,
  maxHistoryRetentionDays,
  publicUrlFormat,
  variables,
} from '../../lambda/functions/config.ts';
import { isScope, scopeFormat } from '../../lambda/console/console-settings.ts';
import { parseAllowedSources } from '../../lambda/image-source/allowed-sources.ts';
import { identityVariables, loadIdentitySettings } from '../../lambda/identity/settings.ts';
import { UsageError } from '../usage-error.ts';
import { projectFolder } from '../project-folder.ts';

/** Settings of the local server, from environment variables. */
export interface Settings {
  /** `PORT`: port on 127.0.0.1; 0 selects a free port. Default 9292, the port of Image API servers. */
  readonly port: number;
  /** `DATA_DIR`: absolute path of the folder for queues and, on the embedded engine, tables. Default `.data`. */
  readonly dataFolder: string;
  /** `DYNAMODB_ENDPOINT`: URL of another engine in place of the embedded engine. */
  readonly tableEndpoint: string | undefined;
  /** `CORS_ORIGINS`: comma-separated origins whose pages may call the API from a browser. Default none. */
  readonly corsOrigins: readonly string[];
  /** `PUBLIC_URL`: URL under which clients call the API, if it is not the server's own address. */
  readonly publicUrl: string | undefined;
  /** `IMAGE_MEMBER_QUOTA`: maximum number of members of an image; -1 is unlimited. Default 128. */
  readonly memberQuota: number;
  /** `HISTORY_RETENTION_DAYS`: days to keep the history of images, 1 to 3650. Default 400. */
  readonly historyDays: number;
  /** `IMPORT_ALLOWED_SOURCES`: sources of imports besides public addresses. Default: this machine. */
  readonly allowedSources: string;
  /**
   * `IDENTITY`: `dev` (the default), `keystone`, `jwt` or `none`, and the variables of this identity. The functions get
   * these variables.
   */
  readonly identity: Readonly<Record<string, string>>;
  /**
   * `CONSOLE`, `on` (the default) or `off`, and the other variables `CONSOLE_…`: the variable of the function that serves
   * the console; undefined if the console is off.
   */
  readonly console: Readonly<Record<string, string>> | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Name of the file in the data folder that contains queues, buses and stream positions. */
export const eventFile = 'events.sqlite';

/**
 * Reads the settings. An empty variable counts as absent.
 *
 * @throws UsageError for the first variable with an unusable value
 */
export function loadSettings(env: Environment): Settings {
  const publicUrl = env[variables.publicUrl] || undefined;
  if (publicUrl !== undefined && !isPublicUrl(publicUrl)) {
    throw invalidSetting(variables.publicUrl, publicUrlFormat, publicUrl);
  }
  const consoleOptions = parseConsole(env);
  const identity = parseIdentity(env);
  if (identity[identityVariables.kind] === 'jwt' && consoleOptions?.scope && !consoleOptions.clientId) {
    throw new UsageError(
      '"CONSOLE_OIDC_SCOPE" requires "CONSOLE_OIDC_CLIENT_ID": the id of a public OpenID Connect client.',
    );
  }
  return {
    port: parsePort(env['PORT'] || '9292'),
    dataFolder: resolve(env['DATA_DIR'] || join(projectFolder, '.data')),
    tableEndpoint: parseEndpoint(env['DYNAMODB_ENDPOINT'] || undefined),
    corsOrigins: parseOrigins('CORS_ORIGINS', env['CORS_ORIGINS'] ?? ''),
    publicUrl,
    memberQuota: parseMemberQuota(env[variables.memberQuota] || undefined),
    historyDays: parseHistoryDays(env[variables.historyRetentionDays] || undefined),
    allowedSources: parseSources(env[variables.allowedSources] ?? defaultAllowedSources),
    identity,
    console: consoleOptions && consoleEnvironment(identity, consoleOptions),
  };
}

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw invalidSetting('PORT', 'a number from 0 to 65535', text);
  }
  return Number(text);
}

function parseEndpoint(text: string | undefined): string | undefined {
  if (text !== undefined && !/^https?:$/.test(URL.parse(text)?.protocol ?? '')) {
    throw invalidSetting('DYNAMODB_ENDPOINT', 'a URL such as http://127.0.0.1:8000', text);
  }
  return text;
}

function parseMemberQuota(text: string | undefined): number {
  try {
    return loadConfig({ [variables.memberQuota]: text }, ['memberQuota']).memberQuota;
  } catch {
    throw invalidSetting(variables.memberQuota, 'a whole number of members, or -1 for no limit', text);
  }
}

function parseHistoryDays(text: string | undefined): number {
  try {
    return loadConfig({ [variables.historyRetentionDays]: text }, ['historyRetentionDays']).historyRetentionDays;
  } catch {
    throw invalidSetting(
      variables.historyRetentionDays,
      `a whole number of days from 1 to ${maxHistoryRetentionDays}`,
      text,
    );
  }
}

function parseSources(text: string): string {
  try {
    parseAllowedSources(text);
  } catch (error) {
    throw new UsageError(`"${variables.allowedSources}" is invalid: ${(error as Error).message}`, { cause: error });
  }
  return text;
}

/** Returns undefined if the console is off. */
function parseConsole(env: Environment): ConsoleOptions | undefined {
  const isOn = env['CONSOLE'] || 'on';
  if (isOn !== 'on' && isOn !== 'off') throw invalidSetting('CONSOLE', 'on or off', isOn);
  const keystoneUrl = env['CONSOLE_KEYSTONE_URL'] || undefined;
  if (keystoneUrl !== undefined && !isPublicUrl(keystoneUrl)) {
    throw invalidSetting('CONSOLE_KEYSTONE_URL', publicUrlFormat, keystoneUrl);
  }
  const scope = env['CONSOLE_OIDC_SCOPE'] || undefined;
  if (scope !== undefined && !isScope(scope)) throw invalidSetting('CONSOLE_OIDC_SCOPE', scopeFormat, scope);
  const options = {
    keystoneUrl,
    clientId: env['CONSOLE_OIDC_CLIENT_ID'] || undefined,
    scope,
    connectOrigins: [...parseOrigins('CONSOLE_CONNECT_ORIGINS', env['CONSOLE_CONNECT_ORIGINS'] ?? '')],
  };
  return isOn === 'on' ? options : undefined;
}

function parseIdentity(env: Environment): Settings['identity'] {
  const kind = env[identityVariables.kind] || 'dev';
  // The other identities ignore variables such as OS_AUTH_URL, which may be set for other programs.
  const names = ['keystone', 'jwt'].includes(kind) ? Object.values(identityVariables) : [];
  const identity: Record<string, string> = { [identityVariables.kind]: kind };
  for (const name of names) {
    const value = env[name];
    if (value) identity[name] = value;
  }
  const problems: string[] = [];
  loadIdentitySettings(identity, problems);
  const certificateFile = identity[identityVariables.keystoneCertificateFile];
  if (certificateFile !== undefined && !existsSync(certificateFile)) {
    const value = JSON.stringify(certificateFile);
    problems.push(`"${identityVariables.keystoneCertificateFile}" must be the path of an existing file; got ${value}`);
  }
  if (problems.length > 0) throw new UsageError(`The identity settings are invalid: ${problems.join('; ')}.`);
  return identity;
}
