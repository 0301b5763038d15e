import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseOrigins } from './cors-origins.ts';
import { isPublicUrl, loadConfig, publicUrlFormat, variables } from '../../lambda/functions/config.ts';
import { identityVariables, loadIdentitySettings } from '../../lambda/identity/settings.ts';
import { UsageError } from '../usage-error.ts';
import { projectFolder } from '../project-folder.ts';

/** What the local server is told by its environment. */
export interface Settings {
  /** `PORT`: where on 127.0.0.1 it listens; 0 is any free port. Default 9292, where Image API servers listen. */
  readonly port: number;
  /** `DATA_DIR`: the folder, absolute, for tables, unless another engine has them, and queues. Default `.data` here. */
  readonly dataFolder: string;
  /** `DYNAMODB_ENDPOINT`: the address of another engine, instead of the embedded one. */
  readonly tableEndpoint: string | undefined;
  /** `CORS_ORIGINS`: the origins, separated by commas, whose pages may call the API from a browser. Default none. */
  readonly corsOrigins: readonly string[];
  /** `PUBLIC_URL`: the URL under which clients call the API, if it is not the server's own address. */
  readonly publicUrl: string | undefined;
  /** `IMAGE_MEMBER_QUOTA`: maximum number of members of an image; -1 is unlimited. Default 128. */
  readonly memberQuota: number;
  /**
   * `IDENTITY`: whose tokens are believed, `dev` (the default), `keystone`, `jwt` or `none`, and the variables that go with
   * it: what the functions are told of it.
   */
  readonly identity: Readonly<Record<string, string>>;
}

/** The file in the data folder that keeps queues, buses and positions in the stream. */
export const eventFile = 'events.sqlite';

/**
 * Reads the settings. A variable that is empty counts as absent.
 *
 * @throws Refusal naming the variable that cannot be used
 */
export function loadSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const port = env['PORT'] || '9292';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new UsageError(`PORT is ${JSON.stringify(port)}, which is no port: set it to a number from 0 to 65535.`);
  }
  const publicUrl = env[variables.publicUrl] || undefined;
  if (publicUrl !== undefined && !isPublicUrl(publicUrl)) {
    throw new UsageError(`${variables.publicUrl} is ${JSON.stringify(publicUrl)}, not ${publicUrlFormat}.`);
  }
  const endpoint = env['DYNAMODB_ENDPOINT'] || undefined;
  return {
    port: Number(port),
    dataFolder: resolve(env['DATA_DIR'] || join(projectFolder, '.data')),
    tableEndpoint: endpoint && address(endpoint),
    corsOrigins: parseOrigins('CORS_ORIGINS', env['CORS_ORIGINS'] ?? ''),
    publicUrl,
    memberQuota: memberQuota(env[variables.memberQuota] || undefined),
    identity: identity(env),
  };
}

function memberQuota(text: string | undefined): number {
  try {
    return loadConfig({ [variables.memberQuota]: text }, ['memberQuota']).memberQuota;
  } catch (error) {
    throw new UsageError(
      `"${variables.memberQuota}" must be a whole number of members, or -1 for no limit; got ${JSON.stringify(text?.slice(0, 80))}.`,
      { cause: error },
    );
  }
}

function identity(env: Readonly<Record<string, string | undefined>>): Settings['identity'] {
  const kind = { [identityVariables.kind]: env[identityVariables.kind] || 'dev' };
  const faults: string[] = [];
  // What is set for other programs, such as the command lines, is nothing to an identity that does not use it.
  const given = ['keystone', 'jwt'].includes(kind[identityVariables.kind])
    ? Object.values(identityVariables).flatMap((name) => (env[name] ? [[name, env[name]] as const] : []))
    : [];
  const chosen: Record<string, string> = { ...Object.fromEntries(given), ...kind };
  loadIdentitySettings(chosen, faults);
  const certificates = chosen[identityVariables.keystoneCertificateFile];
  if (certificates !== undefined && !existsSync(certificates)) {
    faults.push(`${identityVariables.keystoneCertificateFile} is ${JSON.stringify(certificates)}, where no file is`);
  }
  if (faults.length > 0) throw new UsageError(`The identity cannot be used: ${faults.join('; ')}.`);
  return chosen;
}

function address(endpoint: string): string {
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) {
    throw new UsageError(
      `DYNAMODB_ENDPOINT is ${JSON.stringify(endpoint)}, which is no address: set it to one such as http://127.0.0.1:8000.`,
    );
  }
  return endpoint;
}
