import type { QueueSettings } from './event-store.ts';
import { UsageError } from '../../usage-error.ts';
import { resourcesOfType, type SynthesizedStack } from '../template/synthesized-stack.ts';
import { physicalName, resolveTemplateValue } from '../template/template-values.ts';

/** An event source mapping from a queue to a function. */
export interface QueueSource {
  readonly queue: string;
  /** Logical id. */
  readonly functionId: string;
  readonly batchSize: number;
}

/** An event source mapping from the table's stream to a function. */
export interface StreamSource {
  /** Logical id. */
  readonly functionId: string;
  readonly batchSize: number;
  readonly retryAttempts: number;
  readonly maxRecordAgeSeconds: number;
  readonly bisectBatchOnError: boolean;
  /** Name of the queue for discarded batches. */
  readonly deadLetterQueue: string;
  /** Patterns for records: the function receives a record if it matches at least one. */
  readonly filters: readonly unknown[];
}

/** A rule that sends matching events of a bus to queues. */
export interface EventRule {
  readonly bus: string;
  readonly pattern: unknown;
  readonly queues: readonly string[];
}

/** A schedule that invokes a function at a fixed rate. */
interface ScheduleSource {
  readonly name: string;
  /** Logical id. */
  readonly functionId: string;
  readonly periodSeconds: number;
}

/** Queues, event source mappings, event rules and schedules of the template. */
export interface EventSources {
  readonly queues: readonly QueueSettings[];
  readonly queueSources: readonly QueueSource[];
  readonly streamSources: readonly StreamSource[];
  readonly rules: readonly EventRule[];
  readonly schedules: readonly ScheduleSource[];
}

type Properties = Readonly<Record<string, unknown>>;

/**
 * Reads the event sources of the template.
 *
 * @throws UsageError if the local server does not support one of them
 */
export function eventSources(stack: SynthesizedStack): EventSources {
  const queueOf = (value: unknown): string => physicalName(stack, attributeOf(value, 'Arn'));
  const rules = resourcesOfType(stack, 'AWS::Events::Rule').map(([, { Properties: rule = {} }]): EventRule => ({
    bus: physicalName(stack, String((rule['EventBusName'] as Properties | undefined)?.['Ref'])),
    pattern: resolveTemplateValue(rule['EventPattern'], stack),
    queues: (rule['Targets'] as readonly Properties[]).map((target) => {
      if (target['InputPath'] !== '$.detail') throw unsupported('a rule target whose "InputPath" is not "$.detail"');
      return queueOf(target['Arn']);
    }),
  }));
  const mappings = resourcesOfType(stack, 'AWS::Lambda::EventSourceMapping').map(
    ([, { Properties: mapping = {} }]) => mapping,
  );
  const isStream = (mapping: Properties) => JSON.stringify(mapping['EventSourceArn']).includes('"StreamArn"');
  return {
    rules,
    queues: resourcesOfType(stack, 'AWS::SQS::Queue').map(([id, { Properties: queue = {} }]): QueueSettings => {
      const redrive = queue['RedrivePolicy'] as Properties | undefined;
      const name = physicalName(stack, id);
      return {
        name,
        delaySeconds: Number(queue['DelaySeconds'] ?? 0),
        visibilityTimeoutSeconds: Number(queue['VisibilityTimeout'] ?? 30),
        deadLetters: redrive && queueOf(redrive['deadLetterTargetArn']),
        maxReceiveCount: redrive && Number(redrive['maxReceiveCount']),
        isCommandQueue: rules.some(({ queues }) => queues.includes(name)),
      };
    }),
    queueSources: mappings
      .filter((mapping) => !isStream(mapping))
      .map((mapping) => ({
        queue: queueOf(mapping['EventSourceArn']),
        functionId: functionOf(mapping),
        batchSize: Number(mapping['BatchSize'] ?? 10),
      })),
    streamSources: mappings.filter(isStream).map((mapping) => {
      const { OnFailure: failure } = (mapping['DestinationConfig'] ?? {}) as Readonly<Record<string, Properties>>;
      if (failure === undefined) throw unsupported('a stream event source without an "OnFailure" destination');
      const { Filters: filters } = (mapping['FilterCriteria'] ?? { Filters: [] }) as {
        readonly Filters: readonly { readonly Pattern: string }[];
      };
      return {
        functionId: functionOf(mapping),
        batchSize: Number(mapping['BatchSize'] ?? 100),
        retryAttempts: Number(mapping['MaximumRetryAttempts']),
        maxRecordAgeSeconds: Number(mapping['MaximumRecordAgeInSeconds']),
        bisectBatchOnError: mapping['BisectBatchOnFunctionError'] === true,
        deadLetterQueue: queueOf(failure['Destination']),
        filters: filters.map(({ Pattern: pattern }): unknown => JSON.parse(pattern)),
      };
    }),
    schedules: resourcesOfType(stack, 'AWS::Scheduler::Schedule').map(([id, { Properties: schedule = {} }]) => ({
      name: physicalName(stack, id),
      functionId: scheduledFunction(schedule, stack),
      periodSeconds: periodSecondsOf(schedule['ScheduleExpression']),
    })),
  };
}

/** Properties of a schedule and its target that the local server reads or that have no effect on it. */
const scheduleProperties = new Set([
  ...['Name', 'GroupName', 'Description', 'FlexibleTimeWindow', 'ScheduleExpression', 'ScheduleExpressionTimezone'],
  ...['State', 'Target'],
]);
const targetProperties = new Set(['Arn', 'RoleArn', 'RetryPolicy']);

/** Returns the logical id of the function that a schedule invokes: its target, or the function of an alias. */
function scheduledFunction(schedule: Properties, stack: SynthesizedStack): string {
  const target = schedule['Target'] as Properties;
  const other =
    Object.keys(schedule).find((name) => !scheduleProperties.has(name)) ??
    Object.keys(target).find((name) => !targetProperties.has(name));
  if (other !== undefined) throw unsupported(`a schedule with "${other}"`);
  if ((schedule['FlexibleTimeWindow'] as Properties | undefined)?.['Mode'] !== 'OFF') {
    throw unsupported('a schedule with a flexible time window');
  }
  if ((schedule['State'] ?? 'ENABLED') !== 'ENABLED') throw unsupported('a schedule that is not enabled');
  const reference = target['Arn'] as { readonly Ref?: string; readonly 'Fn::GetAtt'?: readonly string[] };
  const alias = stack.resources[reference.Ref ?? ''];
  const functionId =
    alias?.Type === 'AWS::Lambda::Alias'
      ? (alias.Properties?.['FunctionName'] as { readonly Ref?: string } | undefined)?.Ref
      : reference['Fn::GetAtt']?.[0];
  if (stack.resources[functionId ?? '']?.Type !== 'AWS::Lambda::Function') {
    throw unsupported(`a schedule with the target ${JSON.stringify(reference)}`);
  }
  return functionId!;
}

const secondsOfUnit: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 };

/** Returns the period of a schedule's expression, such as `rate(1 minute)`. */
function periodSecondsOf(expression: unknown): number {
  const [, count, unit] = /^rate\(([1-9]\d*) (minute|hour|day)s?\)$/.exec(String(expression)) ?? [];
  if (unit === undefined) throw unsupported(`the schedule ${JSON.stringify(expression)}`);
  return Number(count) * secondsOfUnit[unit]!;
}

function functionOf(mapping: Properties): string {
  if (!JSON.stringify(mapping['FunctionResponseTypes'] ?? []).includes('ReportBatchItemFailures')) {
    throw unsupported('an event source without "ReportBatchItemFailures"');
  }
  return String((mapping['FunctionName'] as Properties)['Ref']);
}

function attributeOf(value: unknown, attribute: string): string {
  const [id, name] = (value as { 'Fn::GetAtt'?: [string, string] } | undefined)?.['Fn::GetAtt'] ?? [];
  if (id === undefined || name !== attribute)
    throw unsupported(`${JSON.stringify(value)} instead of an "${attribute}"`);
  return id;
}

/**
 * Returns true if an event matches a pattern of EventBridge or Lambda. Supports the operators that the template uses:
 * nested fields, and lists of plain values and `{"prefix": …}`, of which at least one must match.
 *
 * @throws UsageError if the pattern has another operator
 */
export function matches(pattern: unknown, event: unknown): boolean {
  return Object.entries(pattern as Properties).every(([field, expected]) => {
    const value = (event as Properties | undefined)?.[field];
    if (!Array.isArray(expected)) return value !== undefined && matches(expected, value);
    return expected.some((alternative: unknown) => {
      if (typeof alternative !== 'object') return alternative === value;
      const { prefix, ...otherOperators } = alternative as { readonly prefix?: unknown };
      if (typeof prefix !== 'string' || Object.keys(otherOperators).length > 0) {
        throw unsupported(`the pattern ${JSON.stringify(alternative)}`);
      }
      return typeof value === 'string' && value.startsWith(prefix);
    });
  });
}

function unsupported(element: string): UsageError {
  return new UsageError(
    `The template has ${element}, which the local server does not support; add it to infra/local/events/event-sources.ts.`,
  );
}
