import {
  type CloudFormationClient,
  DescribeStackResourcesCommand,
  GetTemplateCommand,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { UsageError } from '../../usage-error.ts';
import { withUsageErrors } from './aws-errors.ts';
import type { Template } from '../stateful/stateful-changes.ts';

/** The table of a deployed stack. */
export interface DeployedTable {
  readonly logicalId: string;
  readonly name: string;
}

/**
 * Returns the template of a deployed stack, or undefined if the stack does not exist.
 *
 * @throws UsageError if AWS refuses the call, or the template is not JSON, as the CDK deploys it
 */
export function deployedTemplate(client: CloudFormationClient, stackName: string): Promise<Template | undefined> {
  return withUsageErrors(async () => {
    try {
      const { TemplateBody: body = '' } = await client.send(new GetTemplateCommand({ StackName: stackName }));
      return JSON.parse(body) as Template;
    } catch (error) {
      if (isMissingStack(error)) return undefined;
      if (!(error instanceof SyntaxError)) throw error;
      throw new UsageError(`The template of the stack "${stackName}" must be JSON, as the CDK deploys it.`, {
        cause: error,
      });
    }
  });
}

/**
 * Returns the table of a deployed stack, or undefined if the stack or its table does not exist.
 *
 * @throws UsageError if AWS refuses the call
 */
export const deployedTable = (client: CloudFormationClient, stackName: string): Promise<DeployedTable | undefined> =>
  findResource(client, stackName, 'AWS::DynamoDB::Table');

/**
 * Returns the name of the bucket of image data of a deployed stack, or undefined if the stack or its bucket does not
 * exist.
 *
 * @throws UsageError if AWS refuses the call
 */
export const deployedBucket = async (client: CloudFormationClient, stackName: string): Promise<string | undefined> =>
  (await findResource(client, stackName, 'AWS::S3::Bucket'))?.name;

function findResource(
  client: CloudFormationClient,
  stackName: string,
  type: string,
): Promise<{ readonly logicalId: string; readonly name: string } | undefined> {
  return withUsageErrors(async () => {
    try {
      for await (const page of paginateListStackResources({ client }, { StackName: stackName })) {
        const resource = page.StackResourceSummaries?.find(
          ({ ResourceType, ResourceStatus }) => ResourceType === type && ResourceStatus !== 'DELETE_COMPLETE',
        );
        if (resource?.PhysicalResourceId !== undefined) {
          return { logicalId: resource.LogicalResourceId!, name: resource.PhysicalResourceId };
        }
      }
      return undefined;
    } catch (error) {
      if (isMissingStack(error)) return undefined;
      throw error;
    }
  });
}

/**
 * Returns the name of the stack that a resource belongs to, or undefined if it belongs to none.
 *
 * @throws UsageError if AWS refuses the call
 */
export function stackOfResource(client: CloudFormationClient, physicalId: string): Promise<string | undefined> {
  return withUsageErrors(async () => {
    try {
      const { StackResources: resources } = await client.send(
        new DescribeStackResourcesCommand({ PhysicalResourceId: physicalId }),
      );
      // A deleted stack still lists the resources that it retained.
      return resources?.find(
        ({ PhysicalResourceId: id, ResourceStatus: status }) =>
          id === physicalId && status !== 'DELETE_SKIPPED' && status !== 'DELETE_COMPLETE',
      )?.StackName;
    } catch (error) {
      if (isMissingStack(error)) return undefined;
      throw error;
    }
  });
}

const isMissingStack = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ValidationError' && error.message.includes('does not exist');
