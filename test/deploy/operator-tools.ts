import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { EventBridgeClient, ListRulesCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, ListQueuesCommand } from '@aws-sdk/client-sqs';
import { startProgram } from '../support/start-program.ts';
import type { Emulator } from './emulator.ts';
import type { DeployedEvents, Outputs } from './events.ts';

/**
 * Tests that send-command sends to the deployed stack, that watch-events prints its events and leaves nothing, and that
 * orphaned-objects finds the bucket and the table.
 */
export async function testOperatorTools(
  emulator: Emulator,
  { post, sqs }: Pick<DeployedEvents, 'post' | 'sqs'>,
  outputs: Outputs,
  log: (line: string) => void,
): Promise<void> {
  const stack = ['--stack', 'ImageSharing'] as const;
  const prefix = 'image-sharing-watch-';
  const events = new EventBridgeClient(emulator.client);
  const EventBusName = outputs.NotificationBusName;
  /** Returns the names of the temporary queues and of the targets' rules. */
  const temporary = async (): Promise<readonly string[]> => {
    const { QueueUrls: urls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: prefix }));
    const { Rules: rules = [] } = await events.send(new ListRulesCommand({ EventBusName, NamePrefix: prefix }));
    return [...urls.map((url) => url.split('/').at(-1)!), ...rules.map(({ Name: name = '' }) => name)];
  };

  const image_id = randomUUID();
  assert.equal(await post('/v2/images', { id: image_id, name: 'watched' }), 201);
  const watch = await startProgram({
    command: [process.execPath, 'infra/operate/watch-events.ts', ...stack],
    env: emulator.environment,
    ready: /^Watching the events of ImageSharing through the temporary queue /,
  });
  const waitUntil = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    for (const deadline = Date.now() + 180_000; !(await condition());) {
      assert.equal(watch.process.exitCode, null, watch.lines.join('\n'));
      assert.ok(Date.now() < deadline, watch.lines.join('\n'));
      await pause(200);
    }
  };
  await waitUntil(async () => (await temporary()).length === 2);
  const command = ['offer-image', 'project=project-a', 'user=robot', `image_id=${image_id}`, 'member_id=project-b'];
  const sent = await emulator.run('infra/operate/send-command.ts', ...stack, ...command);
  assert.match(sent, /^Sent to \S+ as message \S+\.\n$/);
  const expected = `image.member.create "watched" ${image_id} for project-b: none → pending, by robot of project-a (command)`;
  await waitUntil(() => watch.lines.some((line) => line.includes(expected)));
  assert.deepEqual(await watch.stop('SIGTERM'), { code: 0, signal: null });
  assert.deepEqual(await temporary(), []);
  log('watch-events prints the notification of a command from send-command, and removes its queue and rule');

  const old = `${prefix}${Math.floor(Date.now() / 1000) - 3700}-leftover`;
  const Arn = `arn:aws:sqs:us-east-1:000000000000:${old}`;
  await events.send(new PutRuleCommand({ Name: old, EventBusName, EventPattern: '{"source": ["image-sharing"]}' }));
  await sqs.send(new CreateQueueCommand({ QueueName: old }));
  await events.send(new PutTargetsCommand({ Rule: old, EventBusName, Targets: [{ Id: 'queue', Arn }] }));
  const clean = () => emulator.run('infra/operate/watch-events.ts', ...stack, '--clean');
  assert.equal(await clean(), `Removed the queue and the rule ${old}.\n`);
  assert.deepEqual(await temporary(), []);
  assert.equal(await clean(), 'No temporary queue or rule is older than an hour.\n');
  log('watch-events --clean removes what a killed run left');

  const orphaned = await emulator.run('infra/operate/orphaned-objects.ts', ...stack, '--delete');
  assert.match(
    orphaned,
    new RegExp(`^0 of \\d+ objects in ${outputs.ImageBucketName} are the data of no image: 0 bytes\\.$`, 'm'),
  );
  log('orphaned-objects reads the bucket and the table of the stack');

  await assert.rejects(
    emulator.run('infra/operate/send-command.ts', '--stack', 'None', '{}'),
    /\nStack with id None does not exist in the selected region and account: check "--stack", .*\n$/,
  );
  events.destroy();
}
