import type { QueueSettings } from './event-store.ts';
import { UsageError } from '../../usage-error.ts';
import { resourcesOfType, type SynthesizedStack } from '../template/synthesized-stack.ts';
import { physicalName, resolveTemplateValue } from '../template/template-values.ts';

/** A queue that a function receives from. */
export interface QueueSource {
  readonly queue: string;
  /** Logical id. */
  readonly functionId: string;
  readonly batchSize: number;
}

/** The table's stream that a function is handed. */
export interface StreamSource {
  /** Logical id. */
  readonly functionId: string;
  readonly batchSize: number;
  readonly retryAttempts: number;
  readonly maxRecordAgeSeconds: number;
  readonly bisectBatchOnError: boolean;
  /** The queue for what was given up. */
  readonly deadLetters: string;
  /** Patterns of which a record has to match one to be handed over. */
  readonly filters: readonly unknown[];
}

/** What leads an event of a bus to queues. */
export interface EventRule {
  readonly bus: string;
  readonly pattern: unknown;
  readonly queues: readonly string[];
}

/** What of the template makes functions run other than by a request. */
export interface EventSources {
  readonly queues: readonly QueueSettings[];
  readonly queueSources: readonly QueueSource[];
  readonly streamSources: readonly StreamSource[];
  readonly rules: readonly EventRule[];
}

type Properties = Readonly<Record<string, unknown>>;

/**
 * Reads the event sources of the template.
 *
 * @throws Refusal if it has one that the local server does not know
 */
export function eventSources(stack: SynthesizedStack): EventSources {
  const queueOf = (value: unknown): string => physicalName(stack, attributeOf(value, 'Arn'));
  const rules = resourcesOfType(stack, 'AWS::Events::Rule').map(([, { Properties: rule = {} }]): EventRule => ({
    bus: physicalName(stack, String((rule['EventBusName'] as Properties | undefined)?.['Ref'])),
    pattern: resolveTemplateValue(rule['EventPattern'], stack),
    queues: (rule['Targets'] as readonly Properties[]).map((target) => {
      if (target['InputPath'] !== '$.detail') throw unsupported('a target of a rule that gets more than the detail');
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
      if (failure === undefined) throw unsupported('a stream source without a destination for what fails');
      const { Filters: filters } = (mapping['FilterCriteria'] ?? { Filters: [] }) as {
        readonly Filters: readonly { readonly Pattern: string }[];
      };
      return {
        functionId: functionOf(mapping),
        batchSize: Number(mapping['BatchSize'] ?? 100),
        retryAttempts: Number(mapping['MaximumRetryAttempts']),
        maxRecordAgeSeconds: Number(mapping['MaximumRecordAgeInSeconds']),
        bisectBatchOnError: mapping['BisectBatchOnFunctionError'] === true,
        deadLetters: queueOf(failure['Destination']),
        filters: filters.map(({ Pattern: pattern }): unknown => JSON.parse(pattern)),
      };
    }),
  };
}

function functionOf(mapping: Properties): string {
  if (!JSON.stringify(mapping['FunctionResponseTypes'] ?? []).includes('ReportBatchItemFailures')) {
    throw unsupported('an event source that does not report what part of a batch has failed');
  }
  return String((mapping['FunctionName'] as Properties)['Ref']);
}

function attributeOf(value: unknown, attribute: string): string {
  const [id, name] = (value as { 'Fn::GetAtt'?: [string, string] } | undefined)?.['Fn::GetAtt'] ?? [];
  if (id === undefined || name !== attribute) throw unsupported(JSON.stringify(value));
  return id;
}

/**
 * Whether an event matches a pattern: every field of the pattern is a list of which one value equals the event's or, as
 * `{"prefix": …}`, begins it. It is what the template uses of EventBridge's and Lambda's patterns.
 *
 * @throws Refusal for any other kind of pattern
 */
export function matches(pattern: unknown, event: unknown): boolean {
  return Object.entries(pattern as Properties).every(([field, wanted]) => {
    const value = (event as Properties | undefined)?.[field];
    if (!Array.isArray(wanted)) return value !== undefined && matches(wanted, value);
    return wanted.some((each: unknown) => {
      if (typeof each !== 'object') return each === value;
      const { prefix, ...rest } = each as { readonly prefix?: unknown };
      if (typeof prefix !== 'string' || Object.keys(rest).length > 0) throw unsupported(JSON.stringify(each));
      return typeof value === 'string' && value.startsWith(prefix);
    });
  });
}

function unsupported(what: string): UsageError {
  return new UsageError(
    `The template has ${what}, which the local server does not know; infra/local/event-sources.ts has to learn it.`,
  );
}
