/** The commands with their fields in addition to those of every command. */
const commandFields = {
  'answer-offer': { required: ['image_id', 'member_id', 'status'], optional: [] },
  'offer-image': { required: ['image_id', 'member_id'], optional: ['expires_at'] },
  'offer-images': { required: ['offers'], optional: [] },
  'withdraw-offer': { required: ['image_id', 'member_id'], optional: [] },
  'change-expiry': { required: ['image_id', 'member_id', 'expires_at'], optional: [] },
  'leave-image': { required: ['image_id'], optional: [] },
  'set-standing-answer': { required: ['owner', 'status'], optional: [] },
  'remove-standing-answer': { required: ['owner'], optional: [] },
} as const;

/** Name of a command. */
export type CommandName = keyof typeof commandFields;

/** The names of all commands. */
const commandNames = Object.keys(commandFields) as CommandName[];

/** Maximum number of offers in one command. */
const maxOffers = 100;

const imageId = { type: 'string', maxLength: 255, description: 'Id of the offered image' } as const;
const memberId = { type: 'string', maxLength: 255, description: 'Project that the image is offered to' } as const;
const expiresAt = {
  type: ['null', 'string'],
  maxLength: 255,
  description: 'End of the membership in UTC, such as 2027-03-31T12:00:00Z; null for no end',
} as const;

/** The fields that some commands have. The digest of a command contains them in this order. */
const specificFields = {
  image_id: imageId,
  member_id: memberId,
  status: {
    type: 'string',
    maxLength: 255,
    description: 'Requested status: pending, accepted or rejected; of a standing answer accepted or rejected',
  },
  owner: { type: 'string', maxLength: 255, description: 'Project on whose offers the standing answer decides' },
  expires_at: expiresAt,
  offers: {
    type: 'array',
    minItems: 1,
    maxItems: maxOffers,
    description: 'Offers, each of another membership',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['image_id', 'member_id'],
      properties: { image_id: imageId, member_id: memberId, expires_at: expiresAt },
    },
  },
} as const;

/** Requires the fields of one command and refuses those of others. */
const rule = (command: CommandName) => {
  const { required, optional } = commandFields[command];
  const known: readonly string[] = [...required, ...optional];
  const others = Object.keys(specificFields).filter((name) => !known.includes(name));
  return {
    if: { properties: { command: { const: command } } },
    then: { required: [...required], properties: Object.fromEntries(others.map((name) => [name, false])) },
  };
};

/**
 * JSON Schema 2020-12 of a command, published unchanged in `docs/command.schema.json`. Use cases validate the values,
 * as for an HTTP request.
 */
export const commandSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Command to the image sharing service, version 1',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'id', 'command', 'project', 'user'],
  properties: {
    version: { const: 1, description: 'Version of the command format' },
    id: {
      type: 'string',
      pattern: '^[A-Za-z0-9_.:-]{1,128}$',
      description:
        'Id of the command, chosen by the sender, unique within the project. A command acts at most once per id',
    },
    command: { enum: commandNames, description: 'Operation to execute' },
    project: { type: 'string', minLength: 1, maxLength: 255, description: 'Project that the command acts for' },
    user: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'User of the project; published with the change',
    },
    ...specificFields,
    reply: { type: 'boolean', description: 'true publishes the outcome on the bus; default false' },
  },
  allOf: commandNames.map(rule),
} as const;
