import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type AttributeValue, DynamoDBClient, GetItemCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import type { IAMClient } from '@aws-sdk/client-iam';
import {
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { deletionMessage, importMessage } from '../../lambda/events/image-data-messages.ts';
import { pendingChangeMessage } from '../../lambda/events/pending-change-handler.ts';
import { imageKey, membershipKey } from '../../lambda/dynamodb/keys.ts';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import type { Emulator } from './emulator.ts';
import type { UnfinishedChange } from './every-operation.ts';
import type { DeployedEvents, Outputs } from './events.ts';
import { offerBriefly } from './sharing.ts';
import { type Grant, grantsOf, without } from './grants.ts';
import type { DeployedImageData, ImportSource } from './image-data.ts';

const owner = 'dev:alice:project-a:member';

const isOfLambda = ({ action }: Grant): boolean =>
  // Lambda itself reads queues and streams for a function. The tests of the template check these grants.
  /^(logs:|sqs:(?!SendMessage)|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)$)/.test(action);

/**
 * Tests that the grants of the functions behind queues, the stream and the schedule suffice, and that without each of
 * them a function reports failed records or leaves a membership. Invokes the functions as Lambda does, to avoid the wait
 * for a queue or the schedule.
 */
export async function testConsumerGrants(
  emulator: Emulator,
  outputs: Outputs,
  { post, command }: DeployedEvents,
  iam: IAMClient,
  leaveUnfinished: (change: UnfinishedChange) => Promise<string>,
  imageData: DeployedImageData,
  source: ImportSource,
  log: (line: string) => void,
): Promise<void> {
  const lambda = new LambdaClient(emulator.client);
  const dynamodb = new DynamoDBClient(emulator.client);
  const { Functions: functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  const { TableNames: [TableName] = [] } = await dynamodb.send(new ListTablesCommand({}));

  const functionName = (name: string): string =>
    functions.find(({ FunctionName: each }) => each!.includes(`-${name}Function`))!.FunctionName!;
  /** Invokes a function with these records and returns the number of failed records. */
  const failedRecords = async (name: string, Records: readonly object[]): Promise<number> => {
    const FunctionName = functionName(name);
    const { Payload } = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ Records }) }));
    const result = JSON.parse(Payload!.transformToString()) as { readonly batchItemFailures?: readonly unknown[] };
    return result.batchItemFailures?.length ?? Records.length;
  };
  const message = (body: string) => ({
    messageId: randomUUID(),
    body,
    messageAttributes: {},
    attributes: { ApproximateReceiveCount: '1' },
  });
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
  /** Leaves an image with members with a pending change from community to private. */
  const leaveUnpublished = async (id: string): Promise<void> => {
    const path = `/v2/images/${id}`;
    const setVisibility = async (visibility: string) =>
      (await imageData.send(owner, 'PATCH', path, [{ op: 'replace', path: '/visibility', value: visibility }])).status;
    assert.equal((await imageData.send(owner, 'POST', `${path}/members`, { member: 'project-b' })).status, 200);
    assert.equal(await setVisibility('community'), 200);
    const conditionCheck = (await grantsOf(iam, 'Images')).find(({ action }) =>
      action.endsWith(':ConditionCheckItem'),
    )!;
    assert.equal(await without(iam, conditionCheck, () => setVisibility('private')), 500);
  };
  const newImage = async (): Promise<string> => {
    const id = randomUUID();
    assert.equal(await post('/v2/images', { id, name: 'rehearsal' }), 201);
    return id;
  };
  /** Starts the import of an image and returns the message to the worker, which no other invocation receives. */
  const startedImport = async (id: string, uri: string) => {
    await imageData.startImport(id, uri);
    const { item } = await read(imageKey(id as ImageId));
    return message(importMessage({ imageId: id, jobId: item['import_job']!.S! }));
  };

  /** Everything that each function does, with new images each time. Returns the number of failed records. */
  const everything: Readonly<Record<string, () => Promise<number>>> = {
    Commands: async () => {
      const unfinished = { image_id: await unfinishedImage('hidden'), member_id: 'project-d' };
      const fields = { image_id: await newImage(), member_id: 'project-b' };
      const offer = { command: 'offer-image', project: 'project-a' };
      const withdrawal = { command: 'withdraw-offer', project: 'project-a', reply: true };
      let failed = 0;
      for (const body of [
        command({ ...offer, ...fields }),
        command({ ...fields, command: 'answer-offer', project: 'project-b', status: 'accepted' }),
        command({ ...withdrawal, ...fields }),
        command({ ...offer, ...fields }),
        command({ ...offer, ...fields }), // refused, and sent to the dead-letter queue
        command({ ...offer, ...unfinished }), // completes the pending change, then is refused
      ]) {
        failed += await failedRecords('Commands', [message(body)]);
      }
      return failed;
    },
    PendingChanges: async () => {
      const ids = [await unfinishedImage('hidden'), await unfinishedImage('deleted')];
      const messages = await Promise.all(
        ids.map(async (id) => {
          const { item } = await read(imageKey(id));
          return message(pendingChangeMessage({ id, version: Number(item['version']!.N) }));
        }),
      );
      return failedRecords('PendingChanges', messages);
    },
    Notifications: async () => {
      const id = await unfinishedImage('hidden');
      const [image, membership] = [await read(imageKey(id)), await read(membershipKey('project-b' as ProjectId, id))];
      const importing = (await imageData.newImage()) as ImageId;
      await imageData.startImport(importing, source.imageUrl);
      const imported = await read(imageKey(importing));
      return failedRecords('Notifications', [
        record(image.Keys, image.item),
        record(imported.Keys, imported.item),
        record(membership.Keys, membership.item),
        record(membership.Keys, undefined), // malformed, and sent to the dead-letter queue
      ]);
    },
    ImageData: async () => {
      const changing = await imageData.newImage();
      const completion = await startedImport(changing, source.imageUrl);
      await leaveUnpublished(changing); // the worker completes this pending change
      const cutOff = await imageData.newImage();
      const failed = await failedRecords('ImageData', [
        completion,
        await startedImport(cutOff, source.cutOffUrl),
        message(deletionMessage(`images/${changing}/none`)),
      ]);
      return failed + (await imageData.incompleteUploads(cutOff));
    },
    Expiry: async () => {
      const id = await offerBriefly(emulator, outputs);
      await lambda.send(new InvokeCommand({ FunctionName: functionName('Expiry') }));
      const { item } = await read(membershipKey('project-b' as ProjectId, id as ImageId));
      return item['status'] === undefined ? 0 : 1;
    },
  };

  // Otherwise the worker would run each import before it is invoked here.
  const { EventSourceMappings: mappings = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: functionName('ImageData') }),
  );
  assert.equal(mappings.length, 1);
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID: mappings[0]!.UUID, Enabled: false }));

  for (const [name, act] of Object.entries(everything)) {
    assert.equal(await act(), 0, name);
    const grants = (await grantsOf(iam, `${name}Function`)).filter((grant) => !isOfLambda(grant));
    assert.notEqual(grants.length, 0);
    for (const grant of grants) {
      const what = `${name} without ${grant.action} on ${grant.resource.replace(/^.*:/, '')}`;
      assert.notEqual(await without(iam, grant, act), 0, `${what}: no record fails, so the grant is not required.`);
      log(`${what}: reports failed records`);
    }
  }
  lambda.destroy();
  dynamodb.destroy();
}
