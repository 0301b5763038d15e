import type { Node } from 'constructs';
import type { Role } from '../../lambda/domain/caller.ts';
import type { IdentityProps } from './identity-configuration.ts';
import type { NetworkProps } from '../constructs/service-function.ts';
import { UsageError } from '../usage-error.ts';

/** What the command line says of identity: whose tokens are believed, and through which network they are asked about. */
export interface IdentityContext {
  readonly identity: IdentityProps;
  readonly network?: NetworkProps;
  readonly reservedConcurrency?: number;
}

/**
 * Reads `-c identity=…` and the settings that go with it.
 *
 * @throws Refusal with a sentence that says what cannot be used and what could
 */
export function identityFromContext(node: Node): IdentityContext {
  const get = (name: string): string | undefined => {
    const value: unknown = node.tryGetContext(name);
    // A number, where it stands in cdk.json.
    const text = typeof value === 'number' ? String(value) : value;
    return typeof text === 'string' && text !== '' ? text : undefined;
  };
  const required = (name: string): string => {
    const value = get(name);
    if (value === undefined) throw new UsageError(`The identity ${get('identity')} needs -c ${name}=….`);
    return value;
  };
  const list = (name: string): readonly string[] | undefined => get(name)?.split(',');
  const number = (name: string): number | undefined => {
    const value = get(name);
    if (value !== undefined && !/^\d{1,4}$/.test(value)) {
      throw new UsageError(`-c ${name}= takes a whole number, and not ${JSON.stringify(value)}.`);
    }
    return value === undefined ? undefined : Number(value);
  };
  /** Without the settings that are not given, so that these have their defaults. */
  const given = <Settings extends object>(settings: Settings) =>
    Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as {
      [Name in keyof Settings]?: NonNullable<Settings[Name]>;
    };

  const kind = get('identity') ?? 'none';
  const identities: Readonly<Record<string, () => IdentityProps>> = {
    none: () => 'none',
    // Refused by the stack, which says why.
    dev: () => 'dev',
    jwt: () => ({
      kind: 'jwt',
      issuer: required('issuer'),
      audience: required('audience'),
      ...given({
        audienceClaim: get('audienceClaim'),
        keySetUrl: get('keySetUrl'),
        algorithms: list('algorithms'),
        projectClaim: get('projectClaim'),
        userClaim: get('userClaim'),
        rolesClaim: get('rolesClaim'),
        roleMap: rolesOf(list('roleMap')),
        timeoutSeconds: number('identityTimeoutSeconds'),
      }),
    }),
    keystone: () => ({
      kind: 'keystone',
      authUrl: required('authUrl'),
      ...given({
        accountSecretArn: get('accountSecretArn'),
        certificateFile: get('certificateFile'),
        cacheSeconds: number('cacheSeconds'),
        timeoutSeconds: number('identityTimeoutSeconds'),
      }),
    }),
  };
  const identity = Object.hasOwn(identities, kind) ? identities[kind] : undefined;
  if (identity === undefined) {
    throw new UsageError(`The identity ${JSON.stringify(kind)} is unknown: -c identity= takes none, jwt or keystone.`);
  }
  const subnetIds = list('subnetIds');
  const securityGroupIds = list('securityGroupIds');
  if ((subnetIds === undefined) !== (securityGroupIds === undefined)) {
    throw new UsageError('A network takes both -c subnetIds=… and -c securityGroupIds=…, each with commas between.');
  }
  return {
    identity: identity(),
    ...given({
      network: subnetIds && securityGroupIds && { subnetIds, securityGroupIds },
      reservedConcurrency: number('reservedConcurrency'),
    }),
  };
}

/** What is between the commas of `-c roleMap=image-admins=admin,staff=member`; the roles are looked at with all the rest. */
const rolesOf = (pairs: readonly string[] | undefined): Readonly<Record<string, Role>> | undefined =>
  pairs && (Object.fromEntries(pairs.map((pair) => pair.split('='))) as Readonly<Record<string, Role>>);
