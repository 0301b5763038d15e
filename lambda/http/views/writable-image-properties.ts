import { imageSchema } from './image-schema.ts';
import { projectIdSchema } from './project-id-schema.ts';

const { id: _id, ...properties } = imageSchema.properties;

/** Schemas of the image properties that a client can change, by name. */
export const writableImageProperties: Readonly<Record<string, object>> = {
  ...Object.fromEntries(Object.entries(properties).filter(([, property]) => !('readOnly' in property))),
  owner: { ...imageSchema.properties.owner, ...projectIdSchema },
};
