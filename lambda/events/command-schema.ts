/**
 * The form of a command (JSON Schema 2020-12): what messages are checked by, and published as it stands in
 * `docs/command.schema.json`. What the values mean is looked at by the use cases, as for a request.
 */
export const commandSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Command to the image sharing service, version 1',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'id', 'command', 'project', 'user', 'image_id', 'member_id'],
  properties: {
    version: { const: 1, description: 'The version of this form' },
    id: {
      type: 'string',
      pattern: '^[A-Za-z0-9_.:-]{1,128}$',
      description: "The sender's own id of this command, unique for the project: however often it comes, it acts once",
    },
    command: { enum: ['answer-offer', 'offer-image', 'withdraw-offer'], description: 'What is to be done' },
    project: { type: 'string', minLength: 1, maxLength: 255, description: 'The project that the command acts for' },
    user: { type: 'string', minLength: 1, maxLength: 255, description: 'Who of that project: told with the change' },
    image_id: { type: 'string', maxLength: 255, description: 'The image that is offered' },
    member_id: { type: 'string', maxLength: 255, description: 'The project that it is offered to' },
    status: { type: 'string', maxLength: 255, description: 'The answer: pending, accepted or rejected' },
    reply: { type: 'boolean', description: 'Whether the outcome is told on the bus; default false' },
  },
  if: { properties: { command: { const: 'answer-offer' } } },
  then: { required: ['status'] },
  else: { properties: { status: false } },
} as const;
