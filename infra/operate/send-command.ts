/** `npm run send-command`: puts a command into the command queue of the local server. */
import { randomUUID } from 'node:crypto';
import { maxCommandBytes } from '../../lambda/events/command.ts';
import { commandSchema } from '../../lambda/events/command-schema.ts';
import { UsageError, runCommand } from '../usage-error.ts';
import { openEventStore } from '../local/events/open-event-store.ts';

const commands: readonly string[] = commandSchema.properties.command.enum;
const usage = `Usage: npm run send-command -- <command> <field>=<value>… | '<JSON object>'
Commands: ${commands.join(', ')}
Example: npm run send-command -- answer-offer project=beta user=bob image_id=<image> member_id=beta status=accepted`;

await runCommand(usage, (args) => {
  const body = toMessage(args);
  if (Buffer.byteLength(body) > maxCommandBytes) {
    throw new UsageError(`A command must have at most ${maxCommandBytes} bytes; got ${Buffer.byteLength(body)}.`);
  }
  const store = openEventStore(process.env);
  const queue = store.queues().find(({ isCommandQueue }) => isCommandQueue);
  if (queue === undefined) {
    throw new UsageError('The data folder has no command queue; start the server again with "npm start".');
  }
  const id = store.send(queue.name, body);
  store.close();
  console.log(`Sent to ${queue.name} as message ${id}.`);
});

/** Returns the message for the arguments. Sends a JSON object unchanged; otherwise adds the version and a new id. */
function toMessage([command, ...assignments]: readonly string[]): string {
  if (command === undefined) throw new UsageError(usage);
  if (command.startsWith('{') && assignments.length === 0) return command;
  if (!commands.includes(command)) {
    throw new UsageError(`"<command>" must be one of ${commands.join(', ')}; got ${quote(command)}.`);
  }
  const fields = Object.fromEntries(assignments.map(parseField));
  return JSON.stringify({ version: 1, id: randomUUID(), command, ...fields });
}

function parseField(argument: string): readonly [string, unknown] {
  const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(argument) ?? [];
  if (!Object.hasOwn(commandSchema.properties, name)) {
    const names = Object.keys(commandSchema.properties).join(', ');
    throw new UsageError(
      `"<field>=<value>" must be an assignment such as status=accepted to one of ${names}; got ${quote(argument)}.`,
    );
  }
  return [name, name === 'reply' ? value === 'true' : value];
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
