import type { Node } from 'constructs';
import type { Role } from '../../lambda/domain/caller.ts';
import type { IdentityProps } from './identity-configuration.ts';
import { invalidSetting } from './invalid-setting.ts';
import type { NetworkProps } from '../constructs/service-function.ts';
import { UsageError } from '../usage-error.ts';

/** The identity settings of the command line, with the network and the concurrency of the functions that use them. */
export interface IdentityContext {
  readonly identity: IdentityProps;
  readonly network?: NetworkProps;
  readonly reservedConcurrency?: number;
}

/**
 * Reads `-c identity=…` and the settings of this identity.
 *
 * @throws UsageError if a setting is missing or has an unusable value
 */
export function identityFromContext(node: Node): IdentityContext {
  const get = (name: string): string | undefined => {
    const value: unknown = node.tryGetContext(name);
    // In cdk.json a value may be a number.
    const text = typeof value === 'number' ? String(value) : value;
    return typeof text === 'string' && text !== '' ? text : undefined;
  };
  const getRequired = (name: string): string => {
    const value = get(name);
    if (value === undefined) throw new UsageError(`"-c ${name}" is required with the identity "${get('identity')}".`);
    return value;
  };
  const getList = (name: string): readonly string[] | undefined => get(name)?.split(',');
  const getNumber = (name: string): number | undefined => {
    const value = get(name);
    if (value !== undefined && !/^\d{1,4}$/.test(value)) throw invalidSetting(`-c ${name}`, 'a whole number', value);
    return value === undefined ? undefined : Number(value);
  };

  const getIdentity = (): IdentityProps => {
    const kind = get('identity') ?? 'none';
    switch (kind) {
      case 'none':
      case 'dev': // refused by the stack
        return kind;
      case 'jwt':
        return {
          kind,
          issuer: getRequired('issuer'),
          audience: getRequired('audience'),
          ...withoutUndefined({
            audienceClaim: get('audienceClaim'),
            keySetUrl: get('keySetUrl'),
            algorithms: getList('algorithms'),
            projectClaim: get('projectClaim'),
            userClaim: get('userClaim'),
            rolesClaim: get('rolesClaim'),
            roleMap: parseRoleMap(getList('roleMap')),
            timeoutSeconds: getNumber('identityTimeoutSeconds'),
          }),
        };
      case 'keystone':
        return {
          kind,
          authUrl: getRequired('authUrl'),
          ...withoutUndefined({
            accountSecretArn: get('accountSecretArn'),
            certificateFile: get('certificateFile'),
            cacheSeconds: getNumber('cacheSeconds'),
            timeoutSeconds: getNumber('identityTimeoutSeconds'),
          }),
        };
      default:
        throw invalidSetting('-c identity', 'none, jwt or keystone', kind);
    }
  };

  const subnetIds = getList('subnetIds');
  const securityGroupIds = getList('securityGroupIds');
  if ((subnetIds === undefined) !== (securityGroupIds === undefined)) {
    throw new UsageError('"-c subnetIds" and "-c securityGroupIds" must be set together, as comma-separated lists.');
  }
  return {
    identity: getIdentity(),
    ...withoutUndefined({
      network: subnetIds && securityGroupIds && { subnetIds, securityGroupIds },
      reservedConcurrency: getNumber('reservedConcurrency'),
    }),
  };
}

/** Removes undefined properties, so that their defaults apply. */
const withoutUndefined = <Settings extends object>(settings: Settings) =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Settings]?: NonNullable<Settings[Name]>;
  };

/**
 * Parses the items of `-c roleMap=image-admins=admin,staff=member`. `identityConfiguration` validates the roles
 * together with the other settings.
 */
const parseRoleMap = (pairs: readonly string[] | undefined): Readonly<Record<string, Role>> | undefined =>
  pairs && (Object.fromEntries(pairs.map((pair) => pair.split('='))) as Readonly<Record<string, Role>>);
