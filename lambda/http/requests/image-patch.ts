import { attributeReadOnly, invalidRequest, propertyNotFound } from '../../domain/errors.ts';
import type { ImageAttributes } from '../../domain/image.ts';
import type { ImageChange } from '../../use-cases/images/update-image.ts';
import { assertIsValid, assertIsWritable, attributeOf, isBaseProperty } from './image-body.ts';

const operations = ['add', 'replace', 'remove'] as const;
type Operation = (typeof operations)[number];

/** Media types of a PATCH of an image, with the form of their operations: `{"op", "path"}` or `{"<op>": "<path>"}`. */
export const patchMediaTypes = {
  'application/openstack-images-v2.0-json-patch': 'named-by-key',
  'application/openstack-images-v2.1-json-patch': 'named-by-op',
} as const;

type Change = { readonly op: Operation; readonly name: string; readonly value: unknown };

/** Maximum number of operations in one PATCH. */
export const maxOperations = 1000;

/**
 * Returns the change of the body of a PATCH (Image API v2, "Update image"; RFC 6902 with paths of one segment). `add`
 * on an existing property replaces it.
 *
 * @throws SharingError if the body is not a list of valid operations on properties that clients can set
 */
export function imagePatch(body: unknown, mediaType: string): ImageChange {
  if (!Array.isArray(body)) throw invalidRequest('The body must be a JSON array of operations.');
  if (body.length > maxOperations) throw invalidRequest(`The body must have at most ${maxOperations} operations.`);
  const form = patchMediaTypes[mediaType as keyof typeof patchMediaTypes];
  const changes = body.map((operation: unknown) => parseOperation(operation, form));
  return (attributes, assertMaySet) =>
    changes.reduce((changed, change) => apply(changed, change, assertMaySet), attributes);
}

function parseOperation(operation: unknown, form: 'named-by-key' | 'named-by-op'): Change {
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) {
    throw invalidRequest('An operation must be a JSON object.');
  }
  const members = operation as Record<string, unknown>;
  const op = form === 'named-by-op' ? operations.find((name) => name === members['op']) : onlyKeyOf(members);
  if (op === undefined) throw invalidRequest(`The operation must be one of ${operations.join(', ')}.`);
  const name = parsePointer(form === 'named-by-op' ? members['path'] : members[op]);
  assertIsWritable(name);
  if (name === 'id') throw attributeReadOnly(name);
  if (op === 'remove') return { op, name, value: undefined };
  if (!('value' in members)) throw invalidRequest(`Operation "${op}" requires a "value".`);
  assertIsValid(name, members['value']);
  return { op, name, value: members['value'] };
}

function onlyKeyOf(members: Readonly<Record<string, unknown>>): Operation | undefined {
  const present = operations.filter((name) => name in members);
  return present.length === 1 ? present[0] : undefined;
}

/** Returns the property name of a JSON pointer with one segment (RFC 6901). */
function parsePointer(pointer: unknown): string {
  if (typeof pointer !== 'string' || !/^\/[^/]+$/.test(pointer) || /~(?![01])/.test(pointer)) {
    throw invalidRequest('The "path" must be "/" and the name of a property, with "~1" for "/" and "~0" for "~".');
  }
  return pointer.slice(1).replaceAll('~1', '/').replaceAll('~0', '~').trim();
}

function apply(
  attributes: ImageAttributes,
  { op, name, value }: Change,
  assertMaySet: Parameters<ImageChange>[1],
): ImageAttributes {
  if (isBaseProperty(name)) {
    if (op === 'remove') throw attributeReadOnly(name);
    const set = attributeOf(name, value);
    assertMaySet(set);
    return { ...attributes, ...set };
  }
  const { [name]: _present, ...others } = attributes.properties;
  if (op !== 'add' && !Object.hasOwn(attributes.properties, name)) throw propertyNotFound(name);
  return {
    ...attributes,
    properties: op === 'remove' ? others : { ...attributes.properties, [name]: value as string },
  };
}
