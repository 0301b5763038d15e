import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { readSynthesizedStack } from '../../local/template/synthesized-stack.ts';
import { UsageError } from '../../usage-error.ts';
import { awsClientSettings } from '../aws/aws-client-settings.ts';
import { deployedTemplate } from '../aws/deployed-stack.ts';
import { findStatefulChanges } from './stateful-changes.ts';

/** Option of a command that may lose stateful resources. */
export const allowOption = { allow: { type: 'string' } } as const;

/** Usage of {@link allowOption}. */
export const allowUsage = '[--allow <logical id>[,<logical id>]…]';

/** Returns the logical ids in the value of {@link allowOption}. */
export const parseAllowed = (allow = ''): readonly string[] => allow.split(',').filter((id) => id !== '');

/** A deployment to check. */
export interface GuardedDeployment {
  /** Name of the stack in the account. */
  readonly stackName: string;
  /** Folder of the cloud assembly that would be deployed. */
  readonly assembly: string;
  /**
   * Logical ids of the resources that the deployment may lose.
   *
   * @default - none
   */
  readonly allow?: readonly string[];
}

/**
 * Asserts that a deployment keeps every stateful resource of the stack in the account. A stack that does not exist has
 * nothing to lose.
 *
 * @throws UsageError with a sentence for each resource that would be lost and is not allowed; or if AWS refuses a call
 */
export async function assertStatefulResourcesAreKept(deployment: GuardedDeployment): Promise<void> {
  const { stackName, assembly, allow = [] } = deployment;
  const client = new CloudFormationClient(clientSettings(assembly));
  try {
    const current = await deployedTemplate(client, stackName);
    if (current === undefined) return;
    const changes = findStatefulChanges(current, { Resources: readSynthesizedStack(assembly).resources });
    const refused = changes.filter(({ logicalId }) => !allow.includes(logicalId));
    if (refused.length === 0) return;
    const ids = [...new Set(refused.map(({ logicalId }) => logicalId))];
    throw new UsageError(
      [
        ...refused.map(({ sentence }) => sentence),
        `The stack "${stackName}" would lose data: restore the construct, or allow the loss with --allow ${ids.join(',')}.`,
      ].join('\n'),
    );
  } finally {
    client.destroy();
  }
}

/**
 * Returns the settings of SDK clients for the stack of a cloud assembly: in its region or, if the assembly is for any
 * region, in the region of the environment.
 */
export function clientSettings(assembly: string) {
  const { artifacts } = JSON.parse(readFileSync(join(assembly, 'manifest.json'), 'utf8')) as {
    readonly artifacts: Readonly<Record<string, { readonly type: string; readonly environment?: string }>>;
  };
  const { environment = '' } = Object.values(artifacts).find(({ type }) => type === 'aws:cloudformation:stack') ?? {};
  const [, region = 'unknown-region'] = /^aws:\/\/[^/]*\/(.+)$/.exec(environment) ?? [];
  return { ...awsClientSettings(process.env), ...(region !== 'unknown-region' && { region }) };
}
