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

/** What lies in the dead-letter queues of the deployed stack is shown with its reason, and sent back from each. */
export async function theDeadLetters(
  emulator: Emulator,
  deployed: DeployedEvents,
  outputs: Outputs,
  say: (line: string) => void,
): Promise<void> {
  const { ask, command, send, sqs, told } = deployed;
  const deadLetters = (...args: readonly string[]) =>
    emulator.run('infra/operate/dead-letters.ts', '--stack', 'ImageSharing', ...args);
  /** The letters once there is one that has this in it, and the id of that one. */
  const shown = async (wanted: string): Promise<{ readonly all: string; readonly id: string }> => {
    for (const end = Date.now() + 60_000; Date.now() < end;) {
      const all = await deadLetters();
      const letter = all.split(/\n(?=\S)/).find((each) => each.includes(wanted));
      if (letter !== undefined) return { all, id: letter.split(' ')[0]! };
    }
    throw new Error(`There was no dead letter with ${wanted} within a minute.`);
  };

  const image_id = randomUUID();
  await send('{"version": 2}');
  await send(command({ command: 'offer-image', project: 'project-a', image_id, member_id: 'project-b' }));
  const refused = await shown(`No image found with ID ${image_id}.`);
  assert.match((await shown('{"version": 2}')).all, /reason: +"version" must be 1; got 2/);
  assert.equal(await ask('/v2/images', { id: image_id, name: 'late' }), 201);
  assert.equal(await deadLetters('redrive', refused.id), '1 redriven.\n');
  await told(({ type, image }) => type === 'image.member.create' && image?.id === image_id);
  assert.ok(!(await deadLetters()).includes(image_id));
  say('a refused command is shown with its reason, and carried out when it is sent back');

  const { QueueUrls: queues = [] } = await sqs.send(new ListQueuesCommand({}));
  const withdrawal = command({ command: 'withdraw-offer', project: 'project-a', image_id, member_id: 'project-b' });
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  // As EventBridge does it, which the emulator's does not.
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
  const undelivered = await shown('EventBridge could not deliver the event: NO_PERMISSIONS');
  assert.equal(await deadLetters('redrive', undelivered.id), '1 redriven.\n');
  await told(({ type, image }) => type === 'image.member.delete' && image?.id === image_id);
  say('an event that a rule could not deliver is carried out when it is sent back');

  const lambda = new LambdaClient(emulator.client);
  const { Functions: functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  const FunctionName = functions.find(({ FunctionName: name }) => name!.includes('Notifications'))!.FunctionName;
  const { Environment: environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: {} } }));
  assert.equal(await ask(`/v2/images/${image_id}/members`, { member: 'project-z' }), 200);
  const lost = await shown('the function failed until Lambda discarded the batch');
  await assert.rejects(deadLetters('redrive', lost.id), /was not redriven: The function .* failed again.*\n0 redriven/);
  await lambda.send(
    new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: environment!.Variables } }),
  );
  assert.equal(await deadLetters('redrive', lost.id), '1 redriven.\n');
  await told(({ type, member }) => type === 'image.member.create' && (member as { id: string }).id === 'project-z');
  lambda.destroy();
  say('a batch of the stream that was given up is told when it is sent back');

  await assert.rejects(deadLetters('redrive', randomUUID()), /There is no dead letter/);
  await assert.rejects(
    emulator.run('infra/operate/dead-letters.ts', '--stack', 'None'),
    /\nAWS responded with ValidationError: .*None.* does not exist\n$/,
  );
}
