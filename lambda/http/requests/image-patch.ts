import { attributeReadOnly, invalidRequest, propertyNotFound } from '../../domain/errors.ts';
import type { ImageAttributes } from '../../domain/image.ts';
import type { ImageChange } from '../../use-cases/update-image.ts';
import { assertIsValid, assertIsWritable, attributeOf, isBaseProperty } from './image-body.ts';

const operations = ['add', 'replace', 'remove'] as const;
type Operation = (typeof operations)[number];

/** The media types of an image's PATCH, with the form of their operations: `{"op", "path"}`, or `{"<op>": "<path>"}`. */
export const patchMediaTypes = {
  'application/openstack-images-v2.0-json-patch': 'named-by-key',
  'application/openstack-images-v2.1-json-patch': 'named-by-op',
} as const;

type Change = { readonly op: Operation; readonly name: string; readonly value: unknown };

/** Maximum number of operations in one PATCH. */
export const maxOperations = 1000;

/**
 * The change that the body of a PATCH describes (Image API v2, "Update image"; RFC 6902 with paths of one step).
 * `add` on an existing property replaces it.
 *
 * @throws SharingError where the body is not a list of such operations, or names what nobody sets
 */
export function imagePatch(body: unknown, mediaType: string): ImageChange {
  if (!Array.isArray(body)) throw invalidRequest('The body has to be a JSON array of operations.');
  if (body.length > maxOperations) throw invalidRequest(`A change has at most ${maxOperations} operations.`);
  const named = patchMediaTypes[mediaType as keyof typeof patchMediaTypes];
  const changes = body.map((operation: unknown) => parseOperation(operation, named));
  return (attributes, assertMaySet) =>
    changes.reduce((changed, each) => apply(changed, each, assertMaySet), attributes);
}

function parseOperation(operation: unknown, named: 'named-by-key' | 'named-by-op'): Change {
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) {
    throw invalidRequest('An operation has to be a JSON object.');
  }
  const members = operation as Record<string, unknown>;
  const op = named === 'named-by-op' ? operations.find((each) => each === members['op']) : onlyKeyOf(members);
  if (op === undefined) throw invalidRequest(`An operation is one of ${operations.join(', ')}.`);
  const name = parsePointer(named === 'named-by-op' ? members['path'] : members[op]);
  assertIsWritable(name);
  if (name === 'id') throw attributeReadOnly(name);
  if (op === 'remove') return { op, name, value: undefined };
  if (!('value' in members)) throw invalidRequest(`Operation "${op}" takes a "value".`);
  assertIsValid(name, members['value']);
  return { op, name, value: members['value'] };
}

function onlyKeyOf(members: Readonly<Record<string, unknown>>): Operation | undefined {
  const present = operations.filter((each) => each in members);
  return present.length === 1 ? present[0] : undefined;
}

/** The property that a JSON pointer of one step names (RFC 6901). */
function parsePointer(pointer: unknown): string {
  if (typeof pointer !== 'string' || !/^\/[^/]+$/.test(pointer) || /~(?![01])/.test(pointer)) {
    throw invalidRequest('A "path" is "/" and the name of a property, with "~1" for "/" and "~0" for "~".');
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
