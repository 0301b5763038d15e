import { imageIdPattern } from '../../domain/ids.ts';
import { memberStatuses } from '../../domain/membership.ts';
import { imageSchema } from './image-schema.ts';

/** Schema of a membership. */
export const memberSchema = {
  name: 'member',
  properties: {
    member_id: { type: 'string', description: 'Project that the image is offered to' },
    image_id: { type: 'string', description: 'Image that is offered', pattern: imageIdPattern },
    created_at: { type: 'string', description: 'Time of the offer' },
    updated_at: { type: ['null', 'string'], description: 'Time of the last change of the status' },
    status: { type: 'string', description: 'Status of the membership', enum: memberStatuses },
    schema: { type: 'string', readOnly: true },
  },
} as const;

/** Schemas of the links of a page. */
export const page = { first: { type: 'string' }, next: { type: 'string' } };
/** Link descriptions of a page. */
export const pageLinks = [
  { rel: 'first', href: '{first}' },
  { rel: 'next', href: '{next}' },
];

const collection = (name: string, items: object, properties: object, links: readonly object[]) => ({
  name,
  properties: { [name]: { type: 'array', items }, ...properties, schema: { type: 'string' } },
  links: [...links, { rel: 'describedby', href: '{schema}' }],
});

/** Schemas of /v2/schemas, by name. */
export const schemas: Readonly<Record<string, object>> = {
  image: imageSchema,
  images: collection('images', imageSchema, page, pageLinks),
  member: memberSchema,
  members: collection('members', memberSchema, {}, []),
};
