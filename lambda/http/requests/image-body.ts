import { Validator, type Schema } from '@cfworker/json-schema';
import { attributeReadOnly, invalidRequest } from '../../domain/errors.ts';
import { parseImageId, parseProjectId, projectIdForm, type ImageId } from '../../domain/ids.ts';
import type { ImageAttributes, Visibility } from '../../domain/image.ts';
import { quote } from '../../domain/quote.ts';
import { imageSchema } from '../views/image-schema.ts';

/** Image of a request body, in the domain's names. */
export interface ImageBody {
  readonly imageId: ImageId | undefined;
  readonly attributes: Partial<ImageAttributes>;
}

const schema = imageSchema.properties;
type PropertyName = keyof typeof schema;

const validators = new Map<string, Validator>(
  Object.entries({ ...schema, '': imageSchema.additionalProperties }).map(([name, property]) => [
    name,
    new Validator(property as unknown as Schema, '2020-12'),
  ]),
);

/** Names that are reserved by the Image service and are not in its schema. */
const reservedNames = ['location', 'locations', 'deleted', 'deleted_at'];
const reservedPrefix = 'os_glance';
const maxNameLength = 255;

/** Returns true if the schema of images contains this property; other properties are custom. */
export const isBaseProperty = (name: string): name is PropertyName => Object.hasOwn(schema, name);

const invalidName = () =>
  invalidRequest(`The name of a property must have 1 to ${maxNameLength} characters and must not be "__proto__".`);

function assertIsNotTooLong(name: string): void {
  // Checks code units first, which is fast: a whole body can be one name.
  if (name.length > 2 * maxNameLength || Array.from(name).length > maxNameLength) throw invalidName();
}

/**
 * Refuses a property that clients cannot set.
 *
 * @throws SharingError `attribute-read-only` if the service sets or reserves it, `invalid-request` if its name is too
 * long
 */
export function assertIsWritable(name: string): void {
  assertIsNotTooLong(name);
  if (isBaseProperty(name) && 'readOnly' in schema[name]) throw attributeReadOnly(name);
  if (reservedNames.includes(name) || name.startsWith(reservedPrefix)) throw attributeReadOnly(name);
}

/**
 * Refuses a value that the schema of images does not allow, and an invalid name of a custom property.
 *
 * @throws SharingError `invalid-request`
 */
export function assertIsValid(name: string, value: unknown): void {
  if (!isBaseProperty(name) && (name === '' || name === '__proto__' || !name.isWellFormed())) throw invalidName();
  const validator = validators.get(isBaseProperty(name) ? name : '');
  const invalid = validator?.validate(value).errors.at(-1);
  if (invalid !== undefined) throw invalidRequest(`Property ${quote(name)}: ${invalid.error}`);
  if (!isWellFormed(value)) throw invalidRequest(`Property ${quote(name)} must be well-formed Unicode.`);
}

const isWellFormed = (value: unknown): boolean =>
  typeof value === 'string' ? value.isWellFormed() : !Array.isArray(value) || value.every(isWellFormed);

/** Returns the attribute of a base property whose value is valid by the schema; an empty object for `id`. */
export function attributeOf(name: PropertyName, value: unknown): Partial<ImageAttributes> {
  switch (name) {
    case 'name':
      return { name: value as string | null };
    case 'visibility':
      return { visibility: value as Visibility };
    case 'protected':
      return { protected: value as boolean };
    case 'os_hidden':
      return { hidden: value as boolean };
    case 'owner': {
      const owner = typeof value === 'string' ? parseProjectId(value) : undefined;
      if (owner === undefined) throw invalidRequest(`Property "owner" must be ${projectIdForm}.`);
      return { owner };
    }
    case 'container_format':
      return { containerFormat: value as string | null };
    case 'disk_format':
      return { diskFormat: value as string | null };
    case 'tags':
      return { tags: [...new Set(value as string[])] };
    case 'min_ram':
      return { minRam: value as number };
    case 'min_disk':
      return { minDisk: value as number };
    default:
      return {};
  }
}

/** Returns the image of the body of a POST (Image API v2, "Create image"). @throws SharingError if it is invalid */
export function imageBody(body: Readonly<Record<string, unknown>>): ImageBody {
  for (const name of Object.keys(body)) assertIsWritable(name);
  for (const [name, value] of Object.entries(body)) assertIsValid(name, value);
  const { id, owner, ...others } = body;
  const imageId = typeof id === 'string' ? parseImageId(id) : undefined;
  if (id !== undefined && imageId === undefined) throw invalidRequest('Property "id" must be a lower-case UUID.');
  let attributes: Partial<ImageAttributes> = {};
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...others, ...(owner == null ? {} : { owner }) })) {
    if (isBaseProperty(name)) attributes = { ...attributes, ...attributeOf(name, value) };
    else properties[name] = value as string;
  }
  return { imageId, attributes: { ...attributes, properties } };
}
