import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type EventEndpoint, startEventEndpoint } from '../../../../infra/local/events/event-endpoint.ts';
import { eventSources } from '../../../../infra/local/events/event-sources.ts';
import { EventStore } from '../../../../infra/local/events/event-store.ts';
import { localCredentials, localRegion } from '../../../../infra/local/template/template-values.ts';
import { testStack } from '../../../support/engine.ts';

const { queues, rules } = eventSources(testStack());
const commands = queues.find(({ isCommandQueue }) => isCommandQueue)!.name;

let store: EventStore;
let endpoint: EventEndpoint;
let client: EventBridgeClient;

beforeEach(async () => {
  store = new EventStore(':memory:');
  endpoint = await startEventEndpoint(store, rules);
  client = new EventBridgeClient({ endpoint: endpoint.url, region: localRegion, credentials: localCredentials });
});

afterEach(async () => {
  client.destroy();
  await endpoint.stop();
  store.close();
});

test.each([
  ['a command', {}, ['{"id":"one"}']],
  ['an event of another source', { Source: 'image-sharing' }, []],
  ['an event of another type', { DetailType: 'image.member.create' }, []],
  ['a command on another bus', { EventBusName: 'ImageSharing-notifications' }, []],
])('%s on the bus of commands reaches the queue of commands if it is one', async (_what, fields, bodies) => {
  const command = {
    EventBusName: 'ImageSharing-commands',
    Source: 'image-sharing.client',
    DetailType: 'image.command',
  };

  await client.send(new PutEventsCommand({ Entries: [{ ...command, Detail: '{"id":"one"}', ...fields }] }));

  expect(store.messages(commands).map(({ body }) => body)).toEqual(bodies);
  expect(store.eventsAfter(0)).toHaveLength(1);
});
