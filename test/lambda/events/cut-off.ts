import { randomUUID } from 'node:crypto';
import { QueryCommand } from '@aws-sdk/client-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../../../lambda/dynamodb/dynamodb-image-repository.ts';
import { pendingChangeHandler, pendingChangeMessage } from '../../../lambda/events/pending-change-handler.ts';
import { createTestTable, type TestTable } from '../../support/engine.ts';
import { startEngineProxy } from '../../support/engine-proxy.ts';
import { seedImage } from '../../support/seed.ts';
import { startService, type TestResponse } from '../../support/service.ts';
import { startConsumer, type Consumer } from './consumer.ts';

/** A service whose requests can be cut off at any database call, and the consumers that complete their changes. */
export interface CutOffWorld {
  readonly table: TestTable;
  readonly consumer: Consumer;
  /** Seeds an image with members of every status and drains its notifications. */
  image(members: number): Promise<string>;
  /** Requests a change and fails its database calls from this number on. */
  cutOff(
    change: FanOut,
    imageId: string,
    call: number,
  ): Promise<{ readonly status: number; readonly isCutOff: boolean }>;
  request(change: FanOut, imageId: string): Promise<TestResponse>;
  /** Hands the messages of the stream's consumer to the one that completes. Returns how many it did not complete. */
  complete(): Promise<number>;
  close(): Promise<void>;
}

/** The changes that are too large for one transaction, with their patch operations. */
export const fanOuts = {
  'made private': { path: '/visibility', value: 'private' },
  'made community': { path: '/visibility', value: 'community' },
  hidden: { path: '/os_hidden', value: true },
  deleted: undefined,
} as const;
export type FanOut = keyof typeof fanOuts;

/** Opens a cut-off world on a new table. */
export async function openCutOffWorld(): Promise<CutOffWorld> {
  const table = await createTestTable();
  const proxy = await startEngineProxy(table.endpoint);
  const service = await startService(proxy.endpoint, table.tableName, -1);
  const consumer = await startConsumer(table);
  const handle = pendingChangeHandler(
    new DynamoDbImageRepository(connectTable(table.tableName), () => new Date()),
    () => undefined,
  );
  const request: CutOffWorld['request'] = (change, id) => {
    const patch = fanOuts[change];
    if (patch === undefined) return service.request('DELETE', `/v2/images/${id}`, { as: 'alpha:member' });
    return service.request('PATCH', `/v2/images/${id}`, {
      as: 'alpha:member',
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
      body: [{ op: 'replace', ...patch }],
    });
  };
  return {
    table,
    consumer,
    request,
    image: async (count) => {
      const statuses = ['pending', 'accepted', 'rejected'] as const;
      const members = Array.from({ length: count }, (_, n) => ({ project: `member-${n}`, status: statuses[n % 3]! }));
      const { id } = await seedImage(table, { owner: 'alpha', members });
      await consumer.drain();
      for (const list of [consumer.published, consumer.scheduledCompletions]) list.length = 0;
      return id;
    },
    cutOff: async (change, id, call) => {
      let calls = 0;
      proxy.intercept(() => {
        calls += 1;
        return calls < call ? undefined : { status: 400, response: { __type: 'AccessDeniedException' } };
      });
      const { status } = await request(change, id);
      proxy.intercept(undefined);
      return { status, isCutOff: calls >= call };
    },
    complete: async () => {
      const records = consumer.scheduledCompletions.map((begun) => ({
        messageId: randomUUID(),
        body: pendingChangeMessage(begun),
      }));
      const { batchItemFailures } = await handle({ Records: records } as SQSEvent, {
        getRemainingTimeInMillis: () => 60_000,
      });
      return batchItemFailures.length;
    },
    close: async () => {
      consumer.close();
      await proxy.stop();
      await table.drop();
    },
  };
}

/** Returns the number of offers of an image, and `isPending` if it has a pending change. */
async function remainingOffers({ table: { client, tableName } }: CutOffWorld, id: string) {
  const { Items: items = [] } = await client.send(
    new QueryCommand({
      TableName: tableName,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: `IMAGE#${id}` } },
      ConsistentRead: true,
    }),
  );
  return {
    offers: items.filter(({ sk }) => sk!.S!.startsWith('MEMBER#')).length,
    isPending: items.some(({ pending_change: mark }) => mark !== undefined),
  };
}

/** Cuts a change off at a call, lets the consumers complete it, and returns the outcome. */
export async function completedAfter(world: CutOffWorld, change: FanOut, members: number, call: number) {
  const id = await world.image(members);
  const { status, isCutOff } = await world.cutOff(change, id, call);
  await world.consumer.drain();
  const incomplete = await world.complete();
  await world.consumer.drain();
  const told = Object.groupBy(world.consumer.published, ({ type }) => type);
  return {
    isCutOff,
    outcome: {
      status,
      incomplete,
      ...(await remainingOffers(world, id)),
      told: Object.fromEntries(Object.entries(told).map(([type, all]) => [type, all.length])),
    },
  };
}

/** Returns the required outcome of a change, regardless of the call at which it was cut off. */
export const complete = (change: FanOut, members: number, isCutOff: boolean) => ({
  status: isCutOff ? 500 : change === 'deleted' ? 204 : 200,
  incomplete: 0,
  offers: change === 'deleted' ? 0 : members,
  isPending: false,
  told: change === 'deleted' ? { 'image.member.delete': members, 'image.delete': 1 } : { 'image.update': 1 },
});
