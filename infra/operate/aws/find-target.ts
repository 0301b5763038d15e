import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { StageWithSettings } from '../../settings/load-stage.ts';
import { UsageError } from '../../usage-error.ts';
import { withUsageErrors } from './aws-errors.ts';

/** Account and region of a deployment. */
interface Target {
  readonly account: string;
  readonly region: string;
}

/**
 * Returns the account of the credentials and the region of the stage, and selects this region for all later calls of
 * this process and its children.
 *
 * @throws UsageError if credentials or region are missing, or the account or region is not the one of the settings
 */
export async function findTarget({ settings, source }: StageWithSettings): Promise<Target> {
  const client = new STSClient(settings.region === undefined ? {} : { region: settings.region });
  try {
    return await withUsageErrors(async () => {
      const region = await client.config.region();
      const { Account: account = '' } = await client.send(new GetCallerIdentityCommand({}));
      if (settings.account !== undefined && settings.account !== account) {
        throw new UsageError(
          `The credentials belong to the account ${account}, but "account" in ${source} is ${settings.account}; select other credentials, for example with AWS_PROFILE.`,
        );
      }
      process.env['AWS_REGION'] = region;
      return { account, region };
    });
  } finally {
    client.destroy();
  }
}

/**
 * Requires the stack of `cdk bootstrap` in the account and region.
 *
 * @throws UsageError that names the command, if the stack is missing
 */
export async function assertIsBootstrapped({ stage }: StageWithSettings, { account, region }: Target): Promise<void> {
  const client = new CloudFormationClient({ region });
  try {
    await client.send(new DescribeStacksCommand({ StackName: 'CDKToolkit' }));
  } catch (error) {
    // A role of a pipeline may not describe stacks: the CDK then reports a missing stack itself.
    if ((error as Error).name !== 'ValidationError') return;
    throw new UsageError(
      `The account ${account} is not prepared for deployments to ${region}; run "npm run bootstrap -- --stage ${stage}" once.`,
      { cause: error },
    );
  } finally {
    client.destroy();
  }
}
