import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventSources } from '../../infra/local/events/event-sources.ts';
import { httpApiRoutes } from '../../infra/local/api-gateway/routes.ts';
import { tableFromTemplate } from '../../infra/local/dynamodb/table-from-template.ts';
import { resourcesOfType, type SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { entryOf, indexesOf, itemBytes, type StoredItem } from '../scale/capacity.ts';
import type { CapturedOperation } from '../scale/workload.ts';
import {
  backupCopies,
  coldStartShare,
  dashboards,
  durations,
  historyItemBytes,
  historyMonths,
  hoursPerMonth,
  idleSweep,
  importBytesPerSecond,
  metricsPerOperation,
  ordinaryOutcomes,
  pollsPerSecond,
  publication,
  requestLogBytes,
  responseOverheadBytes,
  sampling,
  type TeamSize,
  uploadPartBytes,
} from './assumptions.ts';

/** A region with prices. */
export type Region = 'us-east-1' | 'eu-central-1';

/** What is billed. */
export type Billed =
  | 'writeUnits'
  | 'readUnits'
  | 'storage'
  | 'pointInTimeRecovery'
  | 'backups'
  | 'invocations'
  | 'functionSeconds'
  | 'requests'
  | 'transfer'
  | 'logs'
  | 'logStorage'
  | 'metrics'
  | 'alarms'
  | 'dashboards'
  | 'traces'
  | 'events'
  | 'messages'
  | 'imageStorage'
  | 'imageWrites'
  | 'imageReads';

/** Price of a unit in a region, and the date of the publication that it was found in, if there was one. */
interface RegionalPrice {
  readonly amount: number;
  readonly published: string | null;
}

/** Price of a unit in each region, and the AWS page that has the current price. */
type Price = Readonly<Record<Region, RegionalPrice>> & { readonly unit: string; readonly source: string };

/** An amount of each billed unit. */
export type Usage = Readonly<Partial<Record<Billed, number>>>;

/** The dated prices in US dollars, and the date on which all of them were checked. */
export const { prices, checked } = JSON.parse(readFileSync(join(import.meta.dirname, 'prices.json'), 'utf8')) as {
  readonly checked: string;
  readonly prices: Readonly<Record<Billed, Price>>;
};

const million = 1e6;
const gigabyte = 1e9;

/** Returns the price of a usage in US dollars. */
export const priceOf = (usage: Usage, region: Region): number =>
  (Object.entries(usage) as [Billed, number][]).reduce(
    (sum, [name, amount]) => sum + amount * prices[name][region].amount,
    0,
  );

/** Returns the sum of usages, each times a number. */
export function sumOf(usages: readonly (readonly [usage: Usage, times: number])[]): Usage {
  const sum: Partial<Record<Billed, number>> = {};
  for (const [usage, times] of usages) {
    for (const [name, amount] of Object.entries(usage) as [Billed, number][]) {
      sum[name] = (sum[name] ?? 0) + amount * times;
    }
  }
  return sum;
}

/** What a million requests of an operation use. */
export interface OperationUsage {
  readonly title: string;
  readonly perHour: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly notifications: number;
  /** Number of items that the stream consumer writes into histories. */
  readonly historyItems: number;
  readonly responseBytes: number;
  /** The request itself, and the publication of its notifications. */
  readonly usage: Usage;
}

/** Returns the usage of a million requests of each captured operation, with the memory of the template's functions. */
export function usageOfOperations(
  stack: SynthesizedStack,
  captured: readonly CapturedOperation[],
): readonly OperationUsage[] {
  const routes = httpApiRoutes(stack);
  return captured.map(({ operation, demand }) => {
    const sum = (unit: 'reads' | 'writes') => demand.partitions.reduce((total, each) => total + each[unit], 0);
    const [readUnits, writeUnits] = [sum('reads'), sum('writes')];
    const { functionId = '' } = routes.find(({ key }) => key === demand.route) ?? {};
    const request: Usage = {
      readUnits,
      writeUnits,
      requests: 1,
      ...invocation(memoryGigabytes(stack, functionId), demand.roundTrips),
      transfer: ((demand.responseBytes + responseOverheadBytes) * million) / gigabyte,
      ...logged(requestLogBytes),
    };
    return {
      title: operation.title,
      perHour: operation.perHour,
      readUnits,
      writeUnits,
      notifications: demand.notifications,
      historyItems: demand.historyItems,
      responseBytes: demand.responseBytes,
      usage: sumOf([
        [request, 1],
        [publicationUsage(stack), demand.notifications],
        [{ writeUnits: 1 }, demand.historyItems],
      ]),
    };
  });
}

/** Returns the usage of a million publications of a notification. */
function publicationUsage(stack: SynthesizedStack): Usage {
  const [[, streamMapping] = []] = eventSourceMappings(stack, 'stream');
  const { Ref: streamFunction = '' } = (streamMapping?.Properties?.['FunctionName'] ?? {}) as { readonly Ref?: string };
  return {
    events: 1,
    readUnits: publication.readUnits,
    ...invocation(memoryGigabytes(stack, streamFunction), publication.roundTrips),
    ...logged(publication.logBytes),
  };
}

/** Returns the event source mappings of the stream or of the queues; only a stream has a starting position. */
const eventSourceMappings = (stack: SynthesizedStack, source: 'stream' | 'queues') =>
  resourcesOfType(stack, 'AWS::Lambda::EventSourceMapping').filter(
    ([, { Properties: properties }]) => (properties?.['StartingPosition'] !== undefined) === (source === 'stream'),
  );

/** Returns the usage of a month of idle runs of the function that ends memberships, except for its metrics. */
function sweepsOfMonth(stack: SynthesizedStack): Usage {
  const sweeps = eventSources(stack).schedules.map(({ functionId, periodSeconds }): readonly [Usage, number] => [
    {
      readUnits: idleSweep.readUnits,
      ...invocation(memoryGigabytes(stack, functionId), idleSweep.roundTrips),
      ...logged(idleSweep.logBytes),
    },
    (hoursPerMonth * 3600) / periodSeconds / million,
  ]);
  return sumOf(sweeps);
}

function invocation(gigabytes: number, roundTrips: number): Usage {
  const seconds = durations.own + roundTrips * durations.roundTrip + coldStartShare * durations.coldStart;
  return { invocations: 1, functionSeconds: gigabytes * seconds };
}

/** Returns the usage of a million log entries. Logs are kept for a month. */
function logged(bytes: number): Usage {
  const logs = (bytes * million) / gigabyte;
  return { logs, logStorage: logs };
}

/** @throws Error if the template has no such function */
function memoryGigabytes(stack: SynthesizedStack, functionId: string): number {
  const megabytes = stack.resources[functionId]?.Properties?.['MemorySize'];
  if (typeof megabytes !== 'number')
    throw new Error(`The template has no memory size of the function "${functionId}".`);
  return megabytes / 1024;
}

/** What a gigabyte of image data uses, by what is done with it. */
export function usageOfImageData(stack: SynthesizedStack): Readonly<Record<string, Usage>> {
  const worker = resourcesOfType(stack, 'AWS::Lambda::Function').find(([id]) => id.startsWith('ImageData'))?.[0] ?? '';
  return {
    'an import': {
      invocations: 1 / million,
      functionSeconds: (memoryGigabytes(stack, worker) * gigabyte) / importBytesPerSecond / million,
      // The parts, and the start and the completion of the upload.
      imageWrites: (Math.ceil(gigabyte / uploadPartBytes) + 2) / million,
    },
    'a month of storage': { imageStorage: 1 },
    'a download within the region': { imageReads: 1 / million },
    'a download to the internet': { imageReads: 1 / million, transfer: 1 },
  };
}

/** Bytes that are billed for storage, by kind of record. */
export interface RecordBytes {
  /** An image that is not public, with its list entry. */
  readonly image: number;
  /** A membership, with its offer. */
  readonly membership: number;
}

/** Overhead of an item, and of each of its index entries ("Item sizes and formats" in the developer guide). */
const overheadBytes = 100;

/**
 * Returns the average bytes of the stored records with their index entries, rounded up to 100 because they depend on the
 * length of names.
 */
export function bytesOfRecords(stack: SynthesizedStack, items: readonly StoredItem[]): RecordBytes {
  const indexes = indexesOf(tableFromTemplate(stack));
  const billed = (item: StoredItem): number =>
    [item, ...indexes.map((index) => entryOf(item, index))]
      .filter((entry) => entry !== undefined)
      .reduce((sum, entry) => sum + itemBytes(entry) + overheadBytes, 0);
  const average = (partition: string, sort: RegExp): number => {
    const bytes = items.filter(({ pk, sk }) => String(pk).startsWith(partition) && sort.test(String(sk))).map(billed);
    return Math.ceil(bytes.reduce((sum, each) => sum + each, 0) / bytes.length / 100) * 100;
  };
  return {
    image: average('IMAGE#', /^IMAGE$/) + average('PROJECT#', /^OWNED#/),
    membership: average('IMAGE#', /^MEMBER#/) + average('PROJECT#', /^SHARED#/),
  };
}

/** The month of a team. */
export interface MonthlyUsage {
  readonly requests: number;
  readonly images: number;
  readonly memberships: number;
  readonly storedGigabytes: number;
  /** Usage by the group in which the report shows it. */
  readonly groups: Readonly<Record<MonthlyGroup, Usage>>;
}

/** Groups of the monthly costs, in the order of the report. */
export const monthlyGroups = [
  'API Gateway',
  'Lambda',
  'DynamoDB requests',
  'DynamoDB storage and recovery',
  'EventBridge and SQS',
  'data transfer',
  'logs',
  'metrics, alarms, dashboard',
  'tracing',
  'backup plan',
] as const;
type MonthlyGroup = (typeof monthlyGroups)[number];

/** Returns the usage of a team in a month. */
export function usageOfMonth(
  stack: SynthesizedStack,
  operations: readonly OperationUsage[],
  records: RecordBytes,
  size: TeamSize,
): MonthlyUsage {
  const hours = size.projects * size.busyHours;
  const requests = operations.reduce((sum, { perHour }) => sum + perHour * hours, 0);
  const images = size.projects * size.imagesPerProject;
  const memberships = images * size.membersPerImage;
  const historyItems = operations.reduce(
    (sum, operation) => sum + operation.perHour * hours * operation.historyItems,
    0,
  );
  const storedGigabytes =
    (images * records.image + memberships * records.membership + historyItems * historyMonths * historyItemBytes) /
    gigabyte;
  const requested = sumOf([
    ...operations.map(({ usage, perHour }) => [usage, (perHour * hours) / million] as const),
    [sweepsOfMonth(stack), 1],
  ]);
  const pick = (...names: readonly Billed[]): Usage =>
    Object.fromEntries(names.map((name) => [name, requested[name] ?? 0]));

  const activeSeconds = size.activeHours * 3600;
  const polls = eventSourceMappings(stack, 'queues').length * pollsPerSecond * hoursPerMonth * 3600;
  const rate = requests / activeSeconds;
  const traces = Math.min(rate, sampling.perSecond) + sampling.share * Math.max(0, rate - sampling.perSecond);
  const metrics =
    operations.length * (metricsPerOperation.byOperation + ordinaryOutcomes * metricsPerOperation.byOutcome);
  return {
    requests,
    images,
    memberships,
    storedGigabytes,
    groups: {
      'API Gateway': pick('requests'),
      Lambda: pick('invocations', 'functionSeconds'),
      'DynamoDB requests': pick('readUnits', 'writeUnits'),
      'DynamoDB storage and recovery': { storage: storedGigabytes, pointInTimeRecovery: storedGigabytes },
      'EventBridge and SQS': { ...pick('events'), messages: polls / million },
      'data transfer': pick('transfer'),
      logs: pick('logs', 'logStorage'),
      'metrics, alarms, dashboard': {
        metrics: (metrics * size.activeHours) / hoursPerMonth + idleSweep.metrics,
        alarms: resourcesOfType(stack, 'AWS::CloudWatch::Alarm').length,
        dashboards,
      },
      tracing: { traces: (traces * activeSeconds) / million },
      'backup plan': { backups: storedGigabytes * backupCopies },
    },
  };
}
