import { Validator, type Schema } from '@cfworker/json-schema';
import { createHash } from 'node:crypto';
import { invalidRequest } from '../domain/errors.ts';
import { parseProjectId, type ProjectId } from '../domain/ids.ts';
import { quote } from '../domain/quote.ts';
import { commandSchema } from './command-schema.ts';

/** A command that has the right form. */
export interface Command {
  readonly id: string;
  readonly command: (typeof commandSchema)['properties']['command']['enum'][number];
  readonly projectId: ProjectId;
  readonly userId: string;
  readonly imageId: string;
  /** What a project id has to be like is looked at where it is about to become a member. */
  readonly memberId: string;
  /** The answer, of an `answer-offer`. */
  readonly status: string | undefined;
  readonly reply: boolean;
  /** Of all that the command says but "reply": commands with one id and different digests are different commands. */
  readonly digest: string;
}

const validator = new Validator(commandSchema as unknown as Schema, '2020-12');
/** The `detail-type` of an event that carries a command. */
export const commandType = 'image.command';
/** The `source` of an event that carries a command; notifications have another. */
export const commandSource = 'image-sharing.client';
/** Maximum size of a command message in bytes. */
export const maxCommandBytes = 256 * 1024;

/**
 * The command that a message holds.
 *
 * @throws SharingError `invalid-request` with a sentence that says what is wrong with its form
 */
export function parseCommand(body: string): Command {
  if (Buffer.byteLength(body) > maxCommandBytes)
    throw invalidRequest(`A command has at most ${maxCommandBytes} bytes.`);
  const message = unwrapEvent(parseJson(body));
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw invalidRequest('A command is a JSON object; see docs/command.schema.json.');
  }
  const fields = message as Readonly<Record<string, unknown>>;
  if (fields['version'] !== 1)
    throw invalidRequest('The command is of another version than 1, which alone is known here.');
  const unknown = Object.keys(fields).find((name) => !Object.hasOwn(commandSchema.properties, name));
  if (unknown !== undefined) throw invalidRequest(`A command has no field ${quote(unknown)}.`);
  const fault = validator.validate(message).errors.at(-1);
  if (fault !== undefined)
    throw invalidRequest(`The command is malformed at ${fault.instanceLocation}: ${fault.error}`);
  const text = fields as Readonly<Record<string, string>>;
  if (!Object.values(text).every((value) => typeof value !== 'string' || value.isWellFormed())) {
    throw invalidRequest('The command has half a surrogate pair in it, which is not well-formed Unicode.');
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

/** A command that its bus could not deliver comes back as the event that it was sent in. */
function unwrapEvent(message: unknown): unknown {
  const { 'detail-type': type, detail } = (message ?? {}) as Readonly<Record<string, unknown>>;
  return type === commandType ? detail : message;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw invalidRequest('The message is not JSON; a command is, as docs/command.schema.json says.');
  }
}

/**
 * A project that a command names.
 *
 * @throws SharingError `invalid-request` where it cannot be one
 */
export function projectOf(name: string, value: string): ProjectId {
  const id = parseProjectId(value);
  if (id === undefined) {
    throw invalidRequest(
      `The field "${name}" has to be a project id: 1 to 255 characters without "/", "?" and control characters.`,
    );
  }
  return id;
}

/**
 * SHA-256, as base64url, of the values of all fields but "reply" as a JSON array in the schema's order, with `null` for a
 * field that is left out. `docs/events.md` tells senders to compute it so.
 */
function contentDigest(message: Readonly<Record<string, unknown>>): string {
  const fields = Object.keys(commandSchema.properties).filter((name) => name !== 'reply');
  const text = JSON.stringify(fields.map((name) => message[name] ?? null));
  return createHash('sha256').update(text).digest('base64url');
}
