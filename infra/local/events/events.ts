import { setTimeout } from 'node:timers/promises';
import type { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { startEventEndpoint } from './event-endpoint.ts';
import { eventSources, type QueueSource, type StreamSource } from './event-sources.ts';
import type { EventStore, QueueMessage } from './event-store.ts';
import { LocalFunction } from '../lambda/local-function.ts';
import { StreamProgress } from './stream-progress.ts';
import { findRecordAfter, StreamReader } from '../dynamodb/stream-reader.ts';
import { deliverRecords } from './deliver-records.ts';
import type { SynthesizedStack } from '../template/synthesized-stack.ts';
import { tableClient } from '../dynamodb/table-client.ts';
import { tableFromTemplate } from '../dynamodb/table-from-template.ts';
import { localCredentials, localRegion, physicalName } from '../template/template-values.ts';

export interface EventOptions {
  readonly stack: SynthesizedStack;
  /** Where the functions find DynamoDB, and where the stream is read. */
  readonly tableEndpoint: string;
  /** Variables of the functions instead of the template's, see {@link LocalFunction}. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Keeps queues, buses and positions. */
  readonly store: EventStore;
  /** Takes what the functions log, as it is, and what goes wrong with them. */
  readonly log: Writable;
}

/** The functions behind the queues and the stream of a stack, running on this machine. */
export interface Events {
  /** Hands over nothing more, waits for what is being handled, and ends the functions. */
  stop(): Promise<void>;
}

/** How long an empty queue or stream is left alone. */
const pauseMilliseconds = 100;

/**
 * Runs the template's event sources: its queues in a store, its stream on the engine, its rules and buses.
 *
 * @throws Refusal if the template has what the local server does not know
 */
export async function startEvents({ stack, tableEndpoint, environment, store, log }: EventOptions): Promise<Events> {
  const { queues, queueSources, streamSources, rules } = eventSources(stack);
  store.configureQueues(queues);
  const endpoint = await startEventEndpoint(store, rules);
  const functions = new Map(
    [...queueSources, ...streamSources].map(({ functionId }) => [
      functionId,
      new LocalFunction(stack, functionId, tableEndpoint, log, environment, {
        AWS_ENDPOINT_URL_EVENTBRIDGE: endpoint.url,
        AWS_ENDPOINT_URL_SQS: endpoint.url,
      }),
    ]),
  );
  await Promise.all([...functions.values()].map((one) => one.load()));

  const stopping = new AbortController();
  const { signal } = stopping;
  const invoke = (functionId: string, event: string) => functions.get(functionId)!.invoke(event);
  /** Does something again and again, with a pause where there was nothing to do, and after a failure. */
  const pollContinuously = async (act: () => Promise<boolean>): Promise<void> => {
    while (!signal.aborted) {
      const wasBusy = await act().catch((error: unknown) => {
        log.write(`${inspect(error)}\n`);
        return false;
      });
      if (!wasBusy) await setTimeout(pauseMilliseconds, undefined, { signal }).catch(() => undefined);
    }
  };

  const pollQueue = async ({ queue, functionId, batchSize }: QueueSource): Promise<boolean> => {
    const messages = store.pollQueue(queue, batchSize);
    if (messages.length === 0) return false;
    const result = await invoke(functionId, JSON.stringify({ Records: messages.map(toLambdaRecord) }));
    const failed = result === undefined ? messages.map(({ id }) => id) : failedOf(result);
    for (const { id } of messages) if (!failed.includes(id)) store.delete(id);
    return true;
  };

  const client = tableClient(tableEndpoint);
  const { Table: table } = await client.send(
    new DescribeTableCommand({ TableName: tableFromTemplate(stack).create.TableName }),
  );
  client.destroy();
  const streamArn = table?.LatestStreamArn;
  if (streamArn === undefined) {
    log.write(`The engine at ${tableEndpoint} gives the table no stream, so no notifications are published.\n`);
  }
  const streams = new DynamoDBStreamsClient({
    endpoint: tableEndpoint,
    region: localRegion,
    credentials: localCredentials,
  });

  const pollStream = async (source: StreamSource, streamArn: string): Promise<void> => {
    const place = `${streamArn} ${physicalName(stack, source.functionId)}`;
    const open = () => new StreamReader(streams, streamArn, store.positionIn(place));
    let reader = open();
    const progress = new StreamProgress(() => findRecordAfter(streams, streamArn, store.positionIn(place)));
    await pollContinuously(async () => {
      const wasSentBack = await invokeRedriven(source);
      try {
        const records = await reader.next(source.batchSize);
        await deliverRecords(records, {
          source,
          invoke: (event) => invoke(source.functionId, event),
          onProcessed: (sequenceNumber) => store.savePosition(place, sequenceNumber),
          onDiscard: (given, reason) => store.send(source.deadLetters, JSON.stringify({ Records: given }), { reason }),
          signal,
        });
        const missed = await progress.afterPoll(records.length);
        if (missed !== undefined) {
          const position = store.positionIn(place) ?? 'none';
          log.write(
            `The stream poller of ${source.functionId} makes no progress: its polls give no record, but a probe of the stream finds record ${missed} after position ${position}; it opens the stream again.\n`,
          );
          reader = open();
        }
        return wasSentBack || records.length > 0;
      } catch (error) {
        reader = open(); // from what is done with, not from what was read
        throw error;
      }
    });
  };
  /** What was sent back from the dead-letter queue of a stream goes to its function once more. */
  const invokeRedriven = async ({ functionId, deadLetters }: StreamSource): Promise<boolean> => {
    const [message] = store.pollQueue(redriveQueueOf(deadLetters), 1);
    if (message === undefined) return false;
    const result = await invoke(functionId, message.body);
    if (result === undefined || failedOf(result).length > 0) store.move(message.id, deadLetters);
    else store.delete(message.id);
    return true;
  };

  const running = [
    ...queueSources.map((source) => pollContinuously(() => pollQueue(source))),
    ...(streamArn === undefined ? [] : streamSources.map((source) => pollStream(source, streamArn))),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
      await Promise.all([...functions.values()].map((one) => one.stop()));
      await endpoint.stop();
      streams.destroy();
    },
  };
}

/** Where what is sent back waits that came from no queue but from a stream. */
export const redriveQueueOf = (deadLetters: string): string => `${deadLetters} sent back`;

const failedOf = (result: string): readonly string[] =>
  (
    JSON.parse(result) as { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] }
  ).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

/** A message as Lambda hands it over. */
const toLambdaRecord = ({ id, queue, body, attributes, sentAt, receiveCount }: QueueMessage) => ({
  messageId: id,
  receiptHandle: id,
  body,
  attributes: {
    ApproximateReceiveCount: String(receiveCount),
    SentTimestamp: String(sentAt),
    SenderId: 'local',
    ApproximateFirstReceiveTimestamp: String(sentAt),
  },
  messageAttributes: Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, { stringValue: value, dataType: 'String' }]),
  ),
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: `arn:aws:sqs:${localRegion}:000000000000:${queue}`,
  awsRegion: localRegion,
});
