import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { UsageError } from '../../usage-error.ts';
import { awsClientSettings } from './aws-client-settings.ts';
import { withUsageErrors } from './aws-errors.ts';

/**
 * Returns an output of a deployed stack.
 *
 * @param stackName - name or ARN of the stack
 * @throws UsageError if the stack or the output is missing or AWS cannot be called
 */
export async function readStackOutput(
  stackName: string,
  output: 'CommandQueueUrl' | 'ImageBucketName' | 'NotificationBusName' | 'TableName',
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const client = new CloudFormationClient(awsClientSettings(env));
  const { Stacks: stacks = [] } = await withUsageErrors(() =>
    client.send(new DescribeStacksCommand({ StackName: stackName })),
  ).finally(() => client.destroy());
  const value = stacks[0]?.Outputs?.find(({ OutputKey: key }) => key === output)?.OutputValue;
  if (value === undefined) {
    throw new UsageError(
      `The stack "${stackName}" has no output "${output}"; "--stack" must name a deployed stack of this service.`,
    );
  }
  return value;
}
