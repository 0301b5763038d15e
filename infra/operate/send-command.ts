/** `npm run send-command`: sends a command to the command queue of the local server or of a deployed stack. */
import { randomUUID } from 'node:crypto';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { maxCommandBytes } from '../../lambda/events/command.ts';
import { commandSchema } from '../../lambda/events/command-schema.ts';
import { openEventStore } from '../local/events/open-event-store.ts';
import { parseArguments } from '../parse-arguments.ts';
import { ArgumentError, UsageError, runCommand } from '../usage-error.ts';
import { awsClientSettings } from './aws/aws-client-settings.ts';
import { withUsageErrors } from './aws/aws-errors.ts';
import { readStackOutput } from './aws/read-stack-output.ts';

const commands: readonly string[] = commandSchema.properties.command.enum;
const usage = `Usage: npm run send-command -- [--stack <name>] <command> <field>=<value>… | '<JSON object>'

Sends a command, which runs the same use case as a request.

  --stack <name>   to the queue of a deployed stack; AWS_REGION and AWS_PROFILE select its region and account
                   (default: the queue of the local server; DATA_DIR selects its data folder)

Commands: ${commands.join(', ')}
Example: npm run send-command -- answer-offer project=beta user=bob image_id=<image> member_id=beta status=accepted`;

await runCommand(usage, async (args) => {
  const { values, positionals } = parseArguments(args, { stack: { type: 'string' } }, true);
  const body = toMessage(positionals);
  if (Buffer.byteLength(body) > maxCommandBytes) {
    throw new UsageError(`A command must have at most ${maxCommandBytes} bytes; got ${Buffer.byteLength(body)}.`);
  }
  const { queue, id } = values.stack === undefined ? sendLocally(body) : await sendToStack(values.stack, body);
  console.log(`Sent to ${queue} as message ${id}.`);
});

interface SentMessage {
  /** Name of the queue. */
  readonly queue: string;
  /** Id of the message. */
  readonly id: string;
}

function sendLocally(body: string): SentMessage {
  const store = openEventStore(process.env);
  const queue = store.queues().find(({ isCommandQueue }) => isCommandQueue)?.name;
  if (queue === undefined) {
    throw new UsageError('The data folder has no command queue; start the server again with "npm start".');
  }
  const id = store.send(queue, body);
  store.close();
  return { queue, id };
}

async function sendToStack(stackName: string, body: string): Promise<SentMessage> {
  const url = await readStackOutput(stackName, 'CommandQueueUrl', process.env);
  // The endpoint comes from the environment, because the host of a queue URL may be wrong for an emulator.
  const client = new SQSClient({ ...awsClientSettings(process.env), useQueueUrlAsEndpoint: false });
  const { MessageId: id } = await withUsageErrors(() =>
    client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body })),
  ).finally(() => client.destroy());
  return { queue: url.split('/').at(-1)!, id: id! };
}

/** Returns the message for the arguments. Sends a JSON object unchanged; otherwise adds the version and a new id. */
function toMessage([command, ...assignments]: readonly string[]): string {
  if (command === undefined)
    throw new ArgumentError(`"<command>" is missing; it must be one of ${commands.join(', ')}.`);
  if (command.startsWith('{') && assignments.length === 0) return command;
  if (!commands.includes(command)) {
    throw new ArgumentError(`"<command>" must be one of ${commands.join(', ')}; got ${quote(command)}.`);
  }
  const fields = Object.fromEntries(assignments.map(parseField));
  return JSON.stringify({ version: 1, id: randomUUID(), command, ...fields });
}

function parseField(argument: string): readonly [string, unknown] {
  const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(argument) ?? [];
  if (!Object.hasOwn(commandSchema.properties, name)) {
    const names = Object.keys(commandSchema.properties).join(', ');
    throw new ArgumentError(
      `"<field>=<value>" must be an assignment such as status=accepted to one of ${names}; got ${quote(argument)}.`,
    );
  }
  return [name, valueOf(name, value)];
}

/** Parses the value of a field that is not always a text. */
function valueOf(name: string, text: string): unknown {
  if (name === 'reply') return text === 'true';
  if (name === 'expires_at' && text === 'null') return null;
  if (name !== 'offers') return text;
  const offers = parseJson(text);
  if (!Array.isArray(offers)) {
    const example = '[{"image_id": "<image>", "member_id": "beta"}]';
    throw new ArgumentError(`"offers" must be a JSON list such as ${example}; got ${quote(text)}.`);
  }
  return offers;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
