import { roles } from '../../../domain/caller.ts';
import { memberStatuses } from '../../../domain/membership.ts';
import { imageSchema } from '../image-schema.ts';
import { page, pageLinks } from '../schemas.ts';

const time = (description: string) => ({ type: 'string', description });
const timeOrNull = (description: string) => ({ type: ['null', 'string'], description });
const count = (description: string) => ({ type: 'integer', minimum: 0, description });
const countsByStatus = {
  pending: count('Number with the status pending'),
  accepted: count('Number with the status accepted'),
  rejected: count('Number with the status rejected'),
} as const;
const schema = { type: 'string', readOnly: true } as const;

const offerSchema = {
  name: 'offer',
  properties: {
    status: { type: 'string', enum: memberStatuses, description: 'Status of the membership' },
    offered_at: time('Time of the offer'),
    offered_by: { type: ['null', 'string'], description: 'Project that made the offer; null if it is not known' },
    answered_at: timeOrNull('Time of the last answer; null before the first'),
    expires_at: timeOrNull('Time from which on the offer does not exist; null if it has no end'),
    etag: { type: 'string', description: 'Entity tag of the membership' },
    image: imageSchema,
    schema,
  },
} as const;

// This service shows neither of these two properties.
const { direct_url: _directUrl, stores: _stores, ...imageProperties } = imageSchema.properties;

const ownImageSchema = {
  name: 'image',
  properties: {
    ...imageProperties,
    member_counts: {
      type: 'object',
      description: 'Numbers of members; all are 0 if the image is not shared',
      required: ['total', ...memberStatuses],
      properties: {
        total: count('Number of members'),
        ...countsByStatus,
        at_least: { const: true, description: 'Present if the image has more members than are counted' },
      },
    },
  },
  additionalProperties: imageSchema.additionalProperties,
} as const;

const list = (name: string, items: object) => ({
  name,
  properties: { [name]: { type: 'array', items }, ...page, schema },
  links: [...pageLinks, { rel: 'describedby', href: '{schema}' }],
});

/** Schemas of the project, of its offers and of its own images, by name. */
export const listSchemas = {
  project: {
    name: 'project',
    properties: {
      project_id: { type: 'string', description: 'Project of the token' },
      user_id: { type: 'string', description: 'User of the token' },
      role: { type: 'string', enum: roles, description: 'Strongest role of the token' },
      offers: {
        type: 'object',
        description: 'Numbers of offers of other projects, without those of hidden images',
        required: memberStatuses,
        properties: countsByStatus,
      },
      at_least: {
        type: 'array',
        description: 'Statuses with this number of offers or more',
        items: { type: 'string', enum: memberStatuses },
      },
      schema,
    },
  },
  offer: offerSchema,
  offers: list('offers', offerSchema),
  image: ownImageSchema,
  images: list('images', ownImageSchema),
} as const;
