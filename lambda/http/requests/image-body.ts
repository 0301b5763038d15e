import { Validator, type Schema } from '@cfworker/json-schema';
import { attributeReadOnly, invalidRequest } from '../../domain/errors.ts';
import { parseImageId, parseProjectId, type ImageId } from '../../domain/ids.ts';
import type { ImageAttributes, Visibility } from '../../domain/image.ts';
import { quote } from '../../domain/quote.ts';
import { imageSchema } from '../views/schemas.ts';

/** What a body says of an image, in the domain's names. */
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

/** Names that the Image service keeps for itself, besides the properties that it alone writes. */
const reservedNames = ['location', 'locations', 'deleted', 'deleted_at'];
const reservedPrefix = 'os_glance';
const longestName = 255;

export const isBaseProperty = (name: string): name is PropertyName => Object.hasOwn(schema, name);

const impossibleName = () =>
  invalidRequest(`A property's name is 1 to ${longestName} characters, and not "__proto__".`);

function assertIsNotTooLong(name: string): void {
  // First by its code units, which take no time to count: a body may consist of one name.
  if (name.length > 2 * longestName || Array.from(name).length > longestName) throw impossibleName();
}

/** Refuses a property that nobody sets: one that the service writes, a reserved name, or one longer than any. */
export function assertIsWritable(name: string): void {
  assertIsNotTooLong(name);
  if (isBaseProperty(name) && 'readOnly' in schema[name]) throw attributeReadOnly(name);
  if (reservedNames.includes(name) || name.startsWith(reservedPrefix)) throw attributeReadOnly(name);
}

/** Refuses a value that the schema of images does not allow for this property, or a custom property's impossible name. */
export function assertIsValid(name: string, value: unknown): void {
  if (!isBaseProperty(name) && (name === '' || name === '__proto__' || !name.isWellFormed())) throw impossibleName();
  const validator = validators.get(isBaseProperty(name) ? name : '');
  const fault = validator?.validate(value).errors.at(-1);
  if (fault !== undefined) throw invalidRequest(`Property ${quote(name)}: ${fault.error}`);
  if (!isWellFormed(value)) throw invalidRequest(`Property ${quote(name)} has half a surrogate pair.`);
}

const isWellFormed = (value: unknown): boolean =>
  typeof value === 'string' ? value.isWellFormed() : !Array.isArray(value) || value.every(isWellFormed);

/** One base property, valid by the schema, as the attribute that it is; empty for `id`. */
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
      if (owner === undefined) throw invalidRequest('Property "owner": has to be a project id.');
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

/** The image that the body of a POST describes (Image API v2, "Create image"). */
export function imageBody(body: Readonly<Record<string, unknown>>): ImageBody {
  for (const name of Object.keys(body)) assertIsWritable(name);
  for (const [name, value] of Object.entries(body)) assertIsValid(name, value);
  const { id, owner, ...rest } = body;
  const imageId = typeof id === 'string' ? parseImageId(id) : undefined;
  if (id !== undefined && imageId === undefined) throw invalidRequest('Property "id": has to be a lower-case UUID.');
  const given = Object.entries({ ...rest, ...(owner == null ? {} : { owner }) });
  const attributes = given.reduce<Partial<ImageAttributes>>(
    (sum, [name, value]) => (isBaseProperty(name) ? { ...sum, ...attributeOf(name, value) } : sum),
    {},
  );
  const properties = Object.fromEntries(given.filter(([name]) => !isBaseProperty(name))) as Record<string, string>;
  return { imageId, attributes: { ...attributes, properties } };
}
