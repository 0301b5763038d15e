import { invalidRequest } from '../../domain/errors.ts';
import { objectBody, type ApiRequest } from '../api-request.ts';
import { assertKnownFields } from './known-fields.ts';

/** Maximum number of entries of one bulk request. */
export const maxEntries = 100;

/** One entry of a bulk request. Its ids are texts that are not parsed yet. */
export interface BulkEntry {
  readonly imageId: string;
  /** Empty if the entries have no member. */
  readonly memberId: string;
  /** The other fields, unchecked. */
  readonly values: Readonly<Record<string, unknown>>;
}

interface EntryFields {
  /** Required fields that identify the membership. */
  readonly ids: readonly string[];
  /** Other required fields. */
  readonly required?: readonly string[];
  /** Fields that can be missing or null. */
  readonly optional?: readonly string[];
}

/**
 * Returns the entries of a bulk request. Only their form is checked, all fields are texts: a wrong value concerns one entry
 * and is its result.
 *
 * @param name - field of the body with the list of entries
 * @throws SharingError `invalid-request` if there are none or too many, two entries are about the same membership, or a
 *   field is missing or unknown
 */
export function bulkEntries(
  request: Pick<ApiRequest, 'body'>,
  name: string,
  { ids, required = [], optional = [] }: EntryFields,
): readonly BulkEntry[] {
  const body = objectBody(request);
  assertKnownFields(body, [name]);
  const list = body[name];
  if (!Array.isArray(list) || list.length < 1 || list.length > maxEntries) {
    const got = Array.isArray(list) ? `; got ${list.length}` : '';
    throw invalidRequest(`The body must have "${name}": a list of 1 to ${maxEntries} entries${got}.`);
  }
  const positions = new Map<string, number>();
  return list.map((value: unknown, index) => {
    const where = `entry ${index + 1} of "${name}"`;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw invalidRequest(`${capitalized(where)} must be an object.`);
    }
    const entry = value as Readonly<Record<string, unknown>>;
    assertKnownFields(entry, [...ids, ...required, ...optional], where);
    for (const field of [...ids, ...required]) {
      if (typeof entry[field] !== 'string')
        throw invalidRequest(`${capitalized(where)} must have "${field}", which must be a text.`);
    }
    for (const field of optional) {
      if (typeof (entry[field] ?? '') !== 'string')
        throw invalidRequest(`The field "${field}" of ${where} must be a text or null.`);
    }
    const identity = JSON.stringify(ids.map((field) => entry[field]));
    const earlier = positions.get(identity);
    if (earlier !== undefined) {
      throw invalidRequest(`${capitalized(where)} repeats entry ${earlier}; each membership can have one entry only.`);
    }
    positions.set(identity, index + 1);
    const textOf = (field: string): string => (typeof entry[field] === 'string' ? entry[field] : '');
    return { imageId: textOf('image_id'), memberId: textOf('member_id'), values: entry };
  });
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
