import { UsageError } from '../../usage-error.ts';
import type { SynthesizedStack } from './synthesized-stack.ts';

/** The region that functions and clients of the local server are told. */
export const localRegion = 'us-east-1';
/** The account that functions are told. */
export const localAccount = '000000000000';
/** Credentials for an engine that checks none. Letters only, which is what DynamoDB Local wants. */
export const localCredentials = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

/**
 * The name that a resource has here: the one in the template, or else `<stack>-<logical id>`, as CloudFormation names
 * it but for the random suffix.
 */
export function physicalName(stack: SynthesizedStack, logicalId: string): string {
  const { TableName, FunctionName, QueueName, Name } = stack.resources[logicalId]?.Properties ?? {};
  const given = TableName ?? FunctionName ?? QueueName ?? Name;
  return typeof given === 'string' ? given : `${stack.name}-${logicalId}`;
}

/**
 * Replaces `Ref`, `Fn::GetAtt` and `Fn::Join` in a value of the template, as far as tables, functions, queues, buses and
 * the pseudo parameters go: what the environment of a function refers to.
 *
 * @throws Refusal naming what else is referred to
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
  const isQueue = stack.resources[name]?.Type === 'AWS::SQS::Queue';
  return `${isQueue ? `https://sqs.${localRegion}.amazonaws.com/${localAccount}/` : ''}${physicalName(stack, name)}`;
}

function attribute([logicalId, name]: readonly [string, string], stack: SynthesizedStack): string {
  const service = serviceOf(logicalId, stack);
  if (name !== 'Arn' || service === undefined) throw unsupported({ 'Fn::GetAtt': [logicalId, name] });
  return `arn:aws:${service}${physicalName(stack, logicalId)}`;
}

/** The part of a resource's ARN between the partition and its name. */
function serviceOf(logicalId: string, stack: SynthesizedStack): string | undefined {
  switch (stack.resources[logicalId]?.Type) {
    case 'AWS::DynamoDB::Table':
      return `dynamodb:${localRegion}:${localAccount}:table/`;
    case 'AWS::Lambda::Function':
      return `lambda:${localRegion}:${localAccount}:function:`;
    case 'AWS::SQS::Queue':
      return `sqs:${localRegion}:${localAccount}:`;
    case 'AWS::Events::EventBus':
      return `events:${localRegion}:${localAccount}:event-bus/`;
    default:
      return undefined;
  }
}

function unsupported(value: unknown): UsageError {
  return new UsageError(
    `The template refers to ${JSON.stringify(value)}, which the local server has no equivalent of; infra/local/template-values.ts has to learn it.`,
  );
}
