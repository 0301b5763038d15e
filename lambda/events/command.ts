import { Validator, type Schema } from '@cfworker/json-schema';
import { createHash } from 'node:crypto';
import { invalidRequest } from '../domain/errors.ts';
import { parseProjectId, type ProjectId } from '../domain/ids.ts';
import { abridge, quote } from '../domain/quote.ts';
import { commandSchema, type CommandName } from './command-schema.ts';

/** One offer of the command `offer-images`, unchecked. */
interface CommandOffer {
  readonly imageId: string;
  readonly memberId: string;
  readonly expiresAt: string | null | undefined;
}

/** A command that is valid by the schema. */
export interface Command {
  readonly id: string;
  readonly command: CommandName;
  readonly projectId: ProjectId;
  readonly userId: string;
  /** The fields of the command, unchecked; empty if the command has none. */
  readonly imageId: string;
  readonly memberId: string;
  readonly owner: string;
  readonly status: string | undefined;
  readonly expiresAt: string | null | undefined;
  readonly offers: readonly CommandOffer[];
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
  if (!isWellFormed(message)) {
    throw invalidRequest('The command must be well-formed Unicode; it has an unpaired surrogate.');
  }
  return {
    id: String(text['id']),
    command: text['command'] as Command['command'],
    projectId: projectOf('project', String(text['project'])),
    userId: String(text['user']),
    imageId: text['image_id'] ?? '',
    memberId: text['member_id'] ?? '',
    owner: text['owner'] ?? '',
    status: text['status'],
    expiresAt: text['expires_at'],
    offers: offersOf(fields),
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

/** The offers of a command that is valid by the schema. */
const offersOf = ({ offers = [] }: Readonly<Record<string, unknown>>): readonly CommandOffer[] =>
  (offers as readonly Readonly<Record<string, string>>[]).map((offer) => ({
    imageId: offer['image_id'] ?? '',
    memberId: offer['member_id'] ?? '',
    expiresAt: offer['expires_at'],
  }));

/** Returns whether no text in a value of JSON has an unpaired surrogate. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  return typeof value !== 'object' || value === null || Object.values(value).every(isWellFormed);
}

/** The fields of the digest of every command, in its order. */
const digestFields = ['version', 'id', 'command', 'project', 'user', 'image_id', 'member_id', 'status'] as const;

/**
 * Returns the SHA-256, as base64url, of a JSON array of all fields except "reply", with `null` for a missing field.
 * `docs/events.md` describes the same computation for senders. Fields that the first commands did not have extend the
 * array only if the command has them, so that the digests of those commands stay the same.
 */
function contentDigest(message: Readonly<Record<string, unknown>>): string {
  const { owner = null, expires_at: expiresAt = null } = message;
  const isExtended = ['owner', 'expires_at', 'offers'].some((name) => name in message);
  const offers = offersOf(message).map((offer) => [offer.imageId, offer.memberId, offer.expiresAt ?? null]);
  const array = [
    ...digestFields.map((name) => message[name] ?? null),
    ...(isExtended ? [owner, expiresAt, offers] : []),
  ];
  return createHash('sha256').update(JSON.stringify(array)).digest('base64url');
}
