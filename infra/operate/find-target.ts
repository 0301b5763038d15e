import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { StageWithSettings } from '../settings/load-stage.ts';
import { UsageError } from '../usage-error.ts';
import { withUsageErrors } from './aws-errors.ts';

/**
 * Returns the account of the credentials and the region of the stage.
 *
 * @throws UsageError if credentials or region are missing, or the account or region is not the one of the settings
 */
export async function findTarget({
  settings,
  source,
}: StageWithSettings): Promise<{ readonly account: string; readonly region: string }> {
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
      return { account, region };
    });
  } finally {
    client.destroy();
  }
}
