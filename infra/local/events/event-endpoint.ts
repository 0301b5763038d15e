import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { type EventRule, matches } from './event-sources.ts';
import { listenOnFreePort } from '../listen.ts';
import { localAccount } from '../template/template-values.ts';
import type { EventStore, RoutedEvent } from './event-store.ts';

/** A local endpoint for the calls of EventBridge and SQS that the functions make. */
export interface EventEndpoint {
  readonly url: string;
  stop(): Promise<void>;
}

interface PutEvents {
  readonly Entries: readonly Readonly<Record<'EventBusName' | 'Source' | 'DetailType' | 'Detail', string>>[];
}

interface SendMessage {
  readonly QueueUrl: string;
  readonly MessageBody: string;
  readonly MessageAttributes?: Readonly<Record<string, { readonly StringValue?: string }>>;
}

/** Serves PutEvents and SendMessage on a free port of 127.0.0.1. Stores events and messages before it responds. */
export async function startEventEndpoint(store: EventStore, rules: readonly EventRule[]): Promise<EventEndpoint> {
  const actions: Readonly<Record<string, (request: never) => unknown>> = {
    'AWSEvents.PutEvents': ({ Entries: entries }: PutEvents) => {
      store.publish(entries.map((entry) => routedEvent(rules, entry)));
      return { FailedEntryCount: 0, Entries: entries.map(() => ({ EventId: randomUUID() })) };
    },
    'AmazonSQS.SendMessage': ({
      QueueUrl: url,
      MessageBody: body,
      MessageAttributes: attributes = {},
    }: SendMessage) => ({
      MessageId: store.send(
        String(url.split('/').at(-1)),
        body,
        Object.fromEntries(Object.entries(attributes).map(([name, { StringValue: value = '' }]) => [name, value])),
      ),
      MD5OfMessageBody: createHash('md5').update(body).digest('hex'),
    }),
  };
  const server = createServer((request, response) => {
    void (async () => {
      const action = actions[String(request.headers['x-amz-target'])];
      const body = await text(request);
      const [status, result] =
        action === undefined
          ? [400, { __type: 'UnknownOperationException' }]
          : [200, action(JSON.parse(body) as never)];
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(result));
    })().catch((error: unknown) => response.destroy(error as Error));
  });
  return listenOnFreePort(server);
}

/** Returns an event with the queues of all rules of its bus that match the event. */
function routedEvent(
  rules: readonly EventRule[],
  { EventBusName: bus, Source: source, DetailType: type, Detail: detail }: PutEvents['Entries'][number],
): RoutedEvent {
  const event = { source, account: localAccount, 'detail-type': type, detail: JSON.parse(detail) as unknown };
  const queues = rules
    .filter((rule) => rule.bus === bus && matches(rule.pattern, event))
    .flatMap((rule) => rule.queues);
  return { bus, source, type, detail, queues };
}
