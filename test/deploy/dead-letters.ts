import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListFunctionsCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { ListQueuesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Emulator } from './emulator.ts';
import type { DeployedEvents, Outputs } from './events.ts';

/** Tests that dead letters of the deployed stack are listed with their reason and can be redriven from each queue. */
export async function testDeadLetters(
  emulator: Emulator,
  deployed: DeployedEvents,
  outputs: Outputs,
  log: (line: string) => void,
): Promise<void> {
  const { post, command, send, sqs, waitForEvent } = deployed;
  const deadLetters = (...args: readonly string[]) =>
    emulator.run('infra/operate/dead-letters.ts', '--stack', 'ImageSharing', ...args);
  /** Lists the dead letters until one contains this text. Returns the list and the id of that dead letter. */
  const waitForDeadLetter = async (expected: string): Promise<{ readonly all: string; readonly id: string }> => {
    for (const deadline = Date.now() + 180_000; Date.now() < deadline;) {
      const all = await deadLetters();
      const letter = all.split(/\n(?=\S)/).find((each) => each.includes(expected));
      if (letter !== undefined) return { all, id: letter.split(' ')[0]! };
    }
    throw new Error(`No dead letter contains "${expected}" after three minutes.`);
  };

  const image_id = randomUUID();
  await send('{"version": 2}');
  await send(command({ command: 'offer-image', project: 'project-a', image_id, member_id: 'project-b' }));
  const refused = await waitForDeadLetter(`No image found with ID ${image_id}.`);
  assert.match((await waitForDeadLetter('{"version": 2}')).all, /reason: +"version" must be 1; got 2/);
  assert.equal(await post('/v2/images', { id: image_id, name: 'late' }), 201);
  assert.equal(await deadLetters('redrive', refused.id), '1 redriven.\n');
  await waitForEvent(({ type, image }) => type === 'image.member.create' && image?.id === image_id);
  assert.ok(!(await deadLetters()).includes(image_id));
  log('a refused command is listed with its reason, and executed after a redrive');

  const { QueueUrls: queues = [] } = await sqs.send(new ListQueuesCommand({}));
  const withdrawal = command({ command: 'withdraw-offer', project: 'project-a', image_id, member_id: 'project-b' });
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  // As EventBridge does. The EventBridge of the emulator does not.
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queues.find((url) => url.includes('CommandsDeadLetters')),
      MessageBody: JSON.stringify({
        version: '0',
        source: 'other',
        'detail-type': 'image.command',
        detail: JSON.parse(withdrawal),
      }),
      MessageAttributes: {
        RULE_ARN: text(`arn:aws:events:us-east-1:000000000000:rule/${outputs.CommandBusName}/rule`),
        ERROR_CODE: text('NO_PERMISSIONS'),
      },
    }),
  );
  const undelivered = await waitForDeadLetter('EventBridge could not deliver the event: NO_PERMISSIONS');
  assert.equal(await deadLetters('redrive', undelivered.id), '1 redriven.\n');
  await waitForEvent(({ type, image }) => type === 'image.member.delete' && image?.id === image_id);
  log('an event that a rule could not deliver is executed after a redrive');

  const lambda = new LambdaClient(emulator.client);
  const { Functions: functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  const FunctionName = functions.find(({ FunctionName: name }) => name!.includes('Notifications'))!.FunctionName;
  const { Environment: environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: {} } }));
  assert.equal(await post(`/v2/images/${image_id}/members`, { member: 'project-z' }), 200);
  const lost = await waitForDeadLetter('the function failed until Lambda discarded the batch');
  await assert.rejects(deadLetters('redrive', lost.id), /was not redriven: The function .* failed again.*\n0 redriven/);
  await lambda.send(
    new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: environment!.Variables } }),
  );
  assert.equal(await deadLetters('redrive', lost.id), '1 redriven.\n');
  await waitForEvent(
    ({ type, member }) => type === 'image.member.create' && (member as { id: string }).id === 'project-z',
  );
  lambda.destroy();
  log('a discarded batch of the stream is published after a redrive');

  await assert.rejects(deadLetters('redrive', randomUUID()), /There is no dead letter/);
  await assert.rejects(
    emulator.run('infra/operate/dead-letters.ts', '--stack', 'None'),
    /\n.*None.* does not exist in the selected region and account: check "--stack", .*\n$/,
  );
}
