import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type AttributeValue, DynamoDBClient, GetItemCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import type { IAMClient } from '@aws-sdk/client-iam';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { pendingChangeMessage } from '../../lambda/events/pending-change-handler.ts';
import { imageKey, membershipKey } from '../../lambda/dynamodb/keys.ts';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import type { Emulator } from './emulator.ts';
import type { UnfinishedChange } from './every-operation.ts';
import type { DeployedEvents } from './events.ts';
import { type Grant, grantsOf, without } from './grants.ts';

const isOfLambda = ({ action }: Grant): boolean =>
  // What Lambda itself does with queues and streams for a function: the template says that it is there.
  /^(logs:|sqs:(?!SendMessage)|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)$)/.test(action);

/**
 * What the functions behind queues and the stream are granted is enough for all they do, and without any one of it something
 * is left undone, which each says of itself. They are invoked as Lambda does it, so that nobody waits for a queue.
 */
export async function theConsumersGrants(
  emulator: Emulator,
  { ask, command }: DeployedEvents,
  iam: IAMClient,
  leaveUnfinished: (change: UnfinishedChange) => Promise<string>,
  say: (line: string) => void,
): Promise<void> {
  const lambda = new LambdaClient(emulator.client);
  const dynamodb = new DynamoDBClient(emulator.client);
  const { Functions: functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  const { TableNames: [TableName] = [] } = await dynamodb.send(new ListTablesCommand({}));

  /** How many of the records a function has left undone. */
  const undone = async (name: string, Records: readonly object[]): Promise<number> => {
    const FunctionName = functions.find(({ FunctionName: each }) => each!.includes(`-${name}`))!.FunctionName;
    const { Payload } = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ Records }) }));
    const result = JSON.parse(Payload!.transformToString()) as { readonly batchItemFailures?: readonly unknown[] };
    return result.batchItemFailures?.length ?? Records.length;
  };
  const message = (body: string) => ({ messageId: randomUUID(), body, messageAttributes: {} });
  const read = async ({ pk, sk }: { readonly pk: string; readonly sk: string }) => {
    const Key = { pk: { S: pk }, sk: { S: sk } };
    const { Item: item } = await dynamodb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    return { Keys: Key, item: item! };
  };
  const record = (Keys: object, NewImage: Record<string, AttributeValue> | undefined) => ({
    eventName: 'INSERT',
    dynamodb: { SequenceNumber: randomUUID(), Keys, NewImage },
  });
  const unfinishedImage = async (change: UnfinishedChange) =>
    (await leaveUnfinished(change)).split('/').at(-1) as ImageId;
  const newImage = async (): Promise<string> => {
    const id = randomUUID();
    assert.equal(await ask('/v2/images', { id, name: 'rehearsal' }), 201);
    return id;
  };

  /** All that a function does, each time with other images; and how much of it was left undone. */
  const everything: Readonly<Record<string, () => Promise<number>>> = {
    Commands: async () => {
      const unfinished = { image_id: await unfinishedImage('hidden'), member_id: 'project-d' };
      const fields = { image_id: await newImage(), member_id: 'project-b' };
      const offer = { command: 'offer-image', project: 'project-a' };
      const withdrawal = { command: 'withdraw-offer', project: 'project-a', reply: true };
      let left = 0;
      for (const body of [
        command({ ...offer, ...fields }),
        command({ ...fields, command: 'answer-offer', project: 'project-b', status: 'accepted' }),
        command({ ...withdrawal, ...fields }),
        command({ ...offer, ...fields }),
        command({ ...offer, ...fields }), // refused, and put aside
        command({ ...offer, ...unfinished }), // finished, and refused
      ]) {
        left += await undone('Commands', [message(body)]);
      }
      return left;
    },
    PendingChanges: async () => {
      const ids = [await unfinishedImage('hidden'), await unfinishedImage('deleted')];
      const messages = await Promise.all(
        ids.map(async (id) => {
          const { item } = await read(imageKey(id));
          return message(pendingChangeMessage({ id, version: Number(item['version']!.N) }));
        }),
      );
      return undone('PendingChanges', messages);
    },
    Notifications: async () => {
      const id = await unfinishedImage('hidden');
      const [image, membership] = [await read(imageKey(id)), await read(membershipKey('project-b' as ProjectId, id))];
      return undone('Notifications', [
        record(image.Keys, image.item),
        record(membership.Keys, membership.item),
        record(membership.Keys, undefined), // malformed, and put aside
      ]);
    },
  };

  for (const [name, act] of Object.entries(everything)) {
    assert.equal(await act(), 0, name);
    const grants = (await grantsOf(iam, `${name}Function`)).filter((grant) => !isOfLambda(grant));
    assert.notEqual(grants.length, 0);
    for (const grant of grants) {
      const what = `${name} without ${grant.action} on ${grant.resource.replace(/^.*:/, '')}`;
      assert.notEqual(await without(iam, grant, act), 0, `${what}: nothing is left undone, so it is not needed.`);
      say(`${what}: it says that something is left undone`);
    }
  }
  lambda.destroy();
  dynamodb.destroy();
}
