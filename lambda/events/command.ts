import { Validator, type Schema } from '@cfworker/json-schema';
import { createHash } from 'node:crypto';
import { invalidRequest } from '../domain/errors.ts';
import { parseProjectId, type ProjectId } from '../domain/ids.ts';
import { abridge, quote } from '../domain/quote.ts';
import { commandSchema } from './command-schema.ts';

/** A command that is valid by the schema. */
export interface Command {
  readonly id: string;
  readonly command: (typeof commandSchema)['properties']['command']['enum'][number];
  readonly projectId: ProjectId;
  readonly userId: string;
  readonly imageId: string;
  /** Unchecked: the use case that makes the project a member requires a valid project id. */
  readonly memberId: string;
  /** The requested status of an `answer-offer`; unchecked. */
  readonly status: string | undefined;
  readonly reply: boolean;
  /** Digest of all fields except "reply": commands with the same id and different digests are different commands. */
  readonly digest: string;
}

const validator = new Validator(commandSchema as unknown as Schema, '2020-12');

/** The `detail-type` of an event that carries a command. */
export const commandType = 'image.command';
/** The `source` of an event that carries a command; notifications have another. */
export const commandSource = 'image-sharing.client';

/** Maximum size of a message body. EventBridge and the queue have the same limit. */
export const maxCommandBytes = 256 * 1024;

/**
 * Parses the body of a message: a command, or an event with a command.
 *
 * @throws SharingError `invalid-request` if the body is not a valid command
 */
export function parseCommand(body: string): Command {
  if (Buffer.byteLength(body) > maxCommandBytes)
    throw invalidRequest(`A command must have at most ${maxCommandBytes} bytes.`);
  const message = unwrapEvent(parseJson(body));
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw invalidRequest('A command must be a JSON object; see docs/command.schema.json.');
  }
  const fields = message as Readonly<Record<string, unknown>>;
  if (fields['version'] !== 1)
    throw invalidRequest(`"version" must be 1; got ${abridge(JSON.stringify(fields['version'] ?? null))}.`);
  const unknown = Object.keys(fields).find((name) => !Object.hasOwn(commandSchema.properties, name));
  if (unknown !== undefined)
    throw invalidRequest(`The field ${quote(unknown)} is unknown; see docs/command.schema.json.`);
  const problem = validator.validate(message).errors.at(-1);
  if (problem !== undefined)
    throw invalidRequest(`The command is malformed at ${problem.instanceLocation}: ${problem.error}`);
  const text = fields as Readonly<Record<string, string>>;
  if (!Object.values(text).every((value) => typeof value !== 'string' || value.isWellFormed())) {
    throw invalidRequest('The command must be well-formed Unicode; it has an unpaired surrogate.');
  }
  return {
    id: String(text['id']),
    command: text['command'] as Command['command'],
    projectId: projectOf('project', String(text['project'])),
    userId: String(text['user']),
    imageId: String(text['image_id']),
    memberId: String(text['member_id']),
    status: text['status'],
    reply: fields['reply'] === true,
    digest: contentDigest(fields),
  };
}

/** Returns the command of an event. The dead letter of a command that its bus could not deliver is such an event. */
function unwrapEvent(message: unknown): unknown {
  const { 'detail-type': type, detail } = (message ?? {}) as Readonly<Record<string, unknown>>;
  return type === commandType ? detail : message;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw invalidRequest('A command must be JSON; see docs/command.schema.json.');
  }
}

/**
 * Parses a project id of a command.
 *
 * @param name - the command's field
 * @throws SharingError `invalid-request` if the value is not a project id
 */
export function projectOf(name: string, value: string): ProjectId {
  const id = parseProjectId(value);
  if (id === undefined) {
    throw invalidRequest(
      `"${name}" must be a project id: 1 to 255 characters without "/", "?" and control characters.`,
    );
  }
  return id;
}

/**
 * Returns the SHA-256, as base64url, of the JSON array of all fields except "reply" in the schema's order, with `null`
 * for a missing field. `docs/events.md` describes the same computation for senders.
 */
function contentDigest(message: Readonly<Record<string, unknown>>): string {
  const fields = Object.keys(commandSchema.properties).filter((name) => name !== 'reply');
  const text = JSON.stringify(fields.map((name) => message[name] ?? null));
  return createHash('sha256').update(text).digest('base64url');
}
