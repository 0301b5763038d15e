import type { Writable } from 'node:stream';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { startEventEndpoint } from './event-endpoint.ts';
import { eventSources, type QueueSource, type StreamSource } from './event-sources.ts';
import type { EventStore } from './event-store.ts';
import { pollContinuously } from './poll-continuously.ts';
import { QueuePoller } from './queue-poller.ts';
import { RedrivenBatchPoller } from './redriven-batch-poller.ts';
import { runSchedule } from './run-schedule.ts';
import { StreamPoller } from './stream-poller.ts';
import { LocalFunction } from '../lambda/local-function.ts';
import type { SynthesizedStack } from '../template/synthesized-stack.ts';
import { tableClient } from '../dynamodb/table-client.ts';
import { tableFromTemplate } from '../dynamodb/table-from-template.ts';
import { localCredentials, localRegion, physicalName } from '../template/template-values.ts';

export { redriveQueueOf } from './redriven-batch-poller.ts';

export interface EventOptions {
  readonly stack: SynthesizedStack;
  /** URL of the DynamoDB engine, for the functions and the stream. */
  readonly tableEndpoint: string;
  /** Variables that replace those of the template, see {@link LocalFunction}. */
  readonly environment?: Readonly<Record<string, string>>;
  /** URLs of other services, see {@link LocalFunction}. */
  readonly endpoints?: Readonly<Record<string, string>>;
  /** Stores queues, buses and stream positions. */
  readonly store: EventStore;
  /** Receives the functions' log output and the errors of the pollers. */
  readonly log: Writable;
}

/** The running functions behind the queues, the stream and the schedules of a stack. */
export interface Events {
  /** Stops polling and the schedules, waits for the running invocations and stops the functions. */
  stop(): Promise<void>;
}

/**
 * Starts the event sources of the template: queues and buses in the store, the stream on the engine, and schedules.
 *
 * @throws UsageError if the local server does not support a part of the template
 */
export async function startEvents({
  stack,
  tableEndpoint,
  environment,
  endpoints,
  store,
  log,
}: EventOptions): Promise<Events> {
  const { queues, queueSources, streamSources, rules, schedules } = eventSources(stack);
  store.configureQueues(queues);
  const endpoint = await startEventEndpoint(store, rules);
  const functions = new Map(
    [...queueSources, ...streamSources, ...schedules].map(({ functionId }) => [
      functionId,
      new LocalFunction({
        stack,
        logicalId: functionId,
        tableEndpoint,
        log,
        environment,
        endpoints: { ...endpoints, AWS_ENDPOINT_URL_EVENTBRIDGE: endpoint.url, AWS_ENDPOINT_URL_SQS: endpoint.url },
      }),
    ]),
  );
  await Promise.all([...functions.values()].map((localFunction) => localFunction.load()));

  const streamArn = await findStreamArn(stack, tableEndpoint);
  if (streamArn === undefined) {
    log.write(`The engine at ${tableEndpoint} provides no stream for the table, so no notifications are published.\n`);
  }
  const streams = new DynamoDBStreamsClient({
    endpoint: tableEndpoint,
    region: localRegion,
    credentials: localCredentials,
  });
  const stopping = new AbortController();
  const { signal } = stopping;
  const invokerOf = (functionId: string) => (event: string) => functions.get(functionId)!.invoke(event);

  const pollQueue = (source: QueueSource): Promise<void> => {
    const poller = new QueuePoller({ store, source, invoke: invokerOf(source.functionId) });
    return pollContinuously(() => poller.poll(), { log, signal });
  };
  const pollStream = (source: StreamSource, arn: string): Promise<void> => {
    const { functionId } = source;
    const positionKey = `${arn} ${physicalName(stack, functionId)}`;
    const shared = { store, source, invoke: invokerOf(functionId) };
    const redriven = new RedrivenBatchPoller(shared);
    const poller = new StreamPoller({ ...shared, streams, streamArn: arn, positionKey, log, signal });
    // In turn: a function receives redriven and new records of a stream in one invocation at a time.
    const poll = async () => {
      const hasRedriven = await redriven.poll();
      const hasRecords = await poller.poll();
      return hasRedriven || hasRecords;
    };
    return pollContinuously(poll, { log, signal });
  };
  const polling = [
    ...queueSources.map((source) => pollQueue(source)),
    ...(streamArn === undefined ? [] : streamSources.map((source) => pollStream(source, streamArn))),
    ...schedules.map(({ name, functionId, periodSeconds }) =>
      runSchedule({ name, periodMilliseconds: periodSeconds * 1000, invoke: invokerOf(functionId), signal }),
    ),
  ];

  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(polling);
      await Promise.all([...functions.values()].map((localFunction) => localFunction.stop()));
      await endpoint.stop();
      streams.destroy();
    },
  };
}

/** Returns the ARN of the table's stream; undefined if the engine provides none. */
async function findStreamArn(stack: SynthesizedStack, tableEndpoint: string): Promise<string | undefined> {
  const client = tableClient(tableEndpoint);
  const { TableName } = tableFromTemplate(stack).create;
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName }));
  client.destroy();
  return table?.LatestStreamArn;
}
