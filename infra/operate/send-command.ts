/**
 * `npm run send-command -- <command> <field>=<value> …`, or `-- '<JSON>'` for a message that is sent as it is: puts a
 * command into the queue of the local server.
 */
import { randomUUID } from 'node:crypto';
import { commandSchema } from '../../lambda/events/command-schema.ts';
import { UsageError, runCommand } from '../usage-error.ts';
import { openEventStore } from '../local/events/open-event-store.ts';

const example =
  'npm run send-command -- answer-offer project=beta user=bob image_id=<image> member_id=beta status=accepted';
const mostBytes = 256 * 1024;

await runCommand(() => {
  const body = messageOf(process.argv.slice(2));
  if (Buffer.byteLength(body) > mostBytes) throw new UsageError(`A message has at most ${mostBytes} bytes.`);
  const store = openEventStore(process.env);
  const queue = store.queues().find(({ isCommandQueue }) => isCommandQueue);
  if (queue === undefined)
    throw new UsageError('The server in this data folder takes no commands; start it once more.');
  const id = store.send(queue.name, body);
  store.close();
  console.log(`Sent to ${queue.name} as message ${id}.`);
});

/** The message that the arguments stand for. */
function messageOf([first, ...fields]: readonly string[]): string {
  const commands: readonly string[] = commandSchema.properties.command.enum;
  if (first === undefined) throw new UsageError(`Say which command to send, such as: ${example}`);
  if (first.startsWith('{') && fields.length === 0) return first;
  if (!commands.includes(first)) {
    throw new UsageError(
      `${JSON.stringify(first)} is no command: it is one of ${commands.join(', ')}, or a JSON object.`,
    );
  }
  const given = Object.fromEntries(fields.map(fieldOf));
  return JSON.stringify({ version: 1, id: randomUUID(), command: first, ...given });
}

function fieldOf(argument: string): readonly [string, unknown] {
  const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(argument) ?? [];
  if (!Object.hasOwn(commandSchema.properties, name)) {
    throw new UsageError(
      `${JSON.stringify(argument)} is no field of a command: write <name>=<value>, such as status=accepted, with a name of ${Object.keys(commandSchema.properties).join(', ')}.`,
    );
  }
  return [name, name === 'reply' ? value === 'true' : value];
}
