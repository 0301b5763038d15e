import { channels } from '../../../domain/actor.ts';
import { visibilities } from '../../../domain/image.ts';
import { memberStatuses } from '../../../domain/membership.ts';

const time = (description: string) => ({ type: 'string', description });
const schema = { type: 'string', readOnly: true } as const;
const links = {
  first: { type: 'string', description: 'Path of the first page' },
  next: { type: 'string', description: 'Path of the next page, if more can follow' },
} as const;
const status = { type: 'string', enum: memberStatuses, description: 'Status of the membership' } as const;
const expiresAt = { type: ['null', 'string'], description: 'End of the membership; null if it had none' } as const;
const memberId = { type: 'string', description: 'Project that the image was shared with' } as const;
const imageProperties = {
  visibility: { type: 'string', enum: visibilities, description: 'Visibility of the image' },
  owner: { type: 'string', description: 'Project that owned the image' },
} as const;
const state = (when: string) => ({
  type: ['null', 'object'],
  description: `State ${when} the change; null if the membership or the image did not exist`,
  properties: { status, expires_at: expiresAt, ...imageProperties },
});

const entrySchema = {
  name: 'history-entry',
  required: ['id', 'time', 'kind', 'before', 'after', 'by', 'schema'],
  properties: {
    id: { type: 'string', description: 'Id of the change, also of its notification' },
    time: time('Time of the change'),
    kind: { type: 'string', enum: ['membership', 'image'], description: 'Kind of the changed resource' },
    member_id: { ...memberId, description: 'Project of the membership; absent for an image' },
    before: state('before'),
    after: state('after'),
    by: {
      type: 'object',
      description: 'Actor of the change',
      properties: {
        project_id: { type: 'string', description: 'Project of the actor' },
        user_id: { type: ['null', 'string'], description: 'User; null if the actor is of another project' },
        via: { type: 'string', enum: channels, description: 'Channel of the change' },
      },
    },
    schema,
  },
} as const;

/** Schemas of the history of an image, by name. */
export const historySchemas = {
  'history-entry': entrySchema,
  history: {
    name: 'history',
    properties: { history: { type: 'array', items: entrySchema }, ...links, schema },
  },
  access: {
    name: 'access',
    properties: {
      at: time('Time of the access'),
      image: {
        type: ['null', 'object'],
        description: 'State of the image; null if it did not exist or was hidden from the project',
        properties: imageProperties,
      },
      members: {
        type: 'array',
        description: 'Memberships that existed at the time',
        items: { type: 'object', properties: { member_id: memberId, status, expires_at: expiresAt } },
      },
      ...links,
      schema,
    },
  },
} as const;
