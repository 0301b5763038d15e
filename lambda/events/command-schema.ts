/**
 * JSON Schema 2020-12 of a command, published unchanged in `docs/command.schema.json`. Use cases validate the values,
 * as for an HTTP request.
 */
export const commandSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Command to the image sharing service, version 1',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'id', 'command', 'project', 'user', 'image_id', 'member_id'],
  properties: {
    version: { const: 1, description: 'Version of the command format' },
    id: {
      type: 'string',
      pattern: '^[A-Za-z0-9_.:-]{1,128}$',
      description:
        'Id of the command, chosen by the sender, unique within the project. A command acts at most once per id',
    },
    command: { enum: ['answer-offer', 'offer-image', 'withdraw-offer'], description: 'Operation to execute' },
    project: { type: 'string', minLength: 1, maxLength: 255, description: 'Project that the command acts for' },
    user: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'User of the project; published with the change',
    },
    image_id: { type: 'string', maxLength: 255, description: 'Id of the offered image' },
    member_id: { type: 'string', maxLength: 255, description: 'Project that the image is offered to' },
    status: {
      type: 'string',
      maxLength: 255,
      description: 'Requested status: pending, accepted or rejected; required by answer-offer',
    },
    reply: { type: 'boolean', description: 'true publishes the outcome on the bus; default false' },
  },
  if: { properties: { command: { const: 'answer-offer' } } },
  then: { required: ['status'] },
  else: { properties: { status: false } },
} as const;
