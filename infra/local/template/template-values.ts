import { UsageError } from '../../usage-error.ts';
import type { SynthesizedStack } from './synthesized-stack.ts';

/** The region of the functions and clients of the local server. */
export const localRegion = 'us-east-1';
/** The account of the local stack. */
export const localAccount = '000000000000';
/** Credentials for an engine that ignores them. Letters only, because DynamoDB Local requires it. */
export const localCredentials = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

/**
 * Returns the name of a resource: the name in the template, or `<stack>-<logical id>`, which is CloudFormation's name
 * without the random suffix.
 */
export function physicalName(stack: SynthesizedStack, logicalId: string): string {
  const { TableName, FunctionName, QueueName, BucketName, Name } = stack.resources[logicalId]?.Properties ?? {};
  const explicitName = TableName ?? FunctionName ?? QueueName ?? BucketName ?? Name;
  if (typeof explicitName === 'string') return explicitName;
  const name = `${stack.name}-${logicalId}`;
  return stack.resources[logicalId]?.Type === 'AWS::S3::Bucket' ? name.toLowerCase() : name;
}

/**
 * Resolves `Ref`, `Fn::GetAtt` and `Fn::Join` in a value of the template. Supports the references in a function's
 * environment: tables, functions, queues, buses and pseudo parameters.
 *
 * @throws UsageError with the reference if it refers to anything else
 */
export function resolveTemplateValue(value: unknown, stack: SynthesizedStack): unknown {
  if (Array.isArray(value)) return value.map((element) => resolveTemplateValue(element, stack));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [intrinsic, argument] = entries.length === 1 ? (entries[0] as [string, unknown]) : [];
  switch (intrinsic) {
    case 'Ref':
      return reference(String(argument), stack);
    case 'Fn::GetAtt':
      return attribute(argument as readonly [string, string], stack);
    case 'Fn::Join': {
      const [separator, parts] = argument as readonly [string, readonly unknown[]];
      return parts.map((part) => String(resolveTemplateValue(part, stack))).join(separator);
    }
  }
  if (intrinsic?.startsWith('Fn::') === true) throw unsupported(value);
  return Object.fromEntries(entries.map(([key, element]) => [key, resolveTemplateValue(element, stack)]));
}

const pseudoParameters: Readonly<Record<string, string>> = {
  'AWS::AccountId': localAccount,
  'AWS::Partition': 'aws',
  'AWS::Region': localRegion,
  'AWS::URLSuffix': 'amazonaws.com',
};

function reference(name: string, stack: SynthesizedStack): string {
  if (name === 'AWS::StackName') return stack.name;
  const pseudoParameter = pseudoParameters[name];
  if (pseudoParameter !== undefined) return pseudoParameter;
  if (serviceOf(name, stack) === undefined) throw unsupported({ Ref: name });
  const resourceName = physicalName(stack, name);
  const isQueue = stack.resources[name]?.Type === 'AWS::SQS::Queue';
  return isQueue ? `https://sqs.${localRegion}.amazonaws.com/${localAccount}/${resourceName}` : resourceName;
}

function attribute([logicalId, name]: readonly [string, string], stack: SynthesizedStack): string {
  const service = serviceOf(logicalId, stack);
  if (name !== 'Arn' || service === undefined) throw unsupported({ 'Fn::GetAtt': [logicalId, name] });
  return `arn:aws:${service}${physicalName(stack, logicalId)}`;
}

/** Returns the part of a resource's ARN between the partition and the name; undefined for other resource types. */
function serviceOf(logicalId: string, stack: SynthesizedStack): string | undefined {
  switch (stack.resources[logicalId]?.Type) {
    case 'AWS::DynamoDB::Table':
      return `dynamodb:${localRegion}:${localAccount}:table/`;
    case 'AWS::Lambda::Function':
      return `lambda:${localRegion}:${localAccount}:function:`;
    case 'AWS::SQS::Queue':
      return `sqs:${localRegion}:${localAccount}:`;
    case 'AWS::S3::Bucket':
      return 's3:::';
    case 'AWS::Events::EventBus':
      return `events:${localRegion}:${localAccount}:event-bus/`;
    default:
      return undefined;
  }
}

function unsupported(value: unknown): UsageError {
  return new UsageError(
    `The template refers to ${JSON.stringify(value)}, which the local server does not support; add it to infra/local/template/template-values.ts.`,
  );
}
