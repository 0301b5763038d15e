import { invalidRequest } from '../domain/errors.ts';

/** Strong entity tag with its quotation marks (RFC 9110, section 8.8.3). */
export type EntityTag = `"${string}"`;

/** Value of `If-None-Match`: any representation, or those with one of these tags. */
export type IfNoneMatch = '*' | readonly EntityTag[];

/** A tag excludes spaces, quotation marks and control characters. */
const strongTag = /^"[^"\u0000-\u0020\u007F]*"$/;
const isEntityTag = (text: string): text is EntityTag => strongTag.test(text);

/**
 * Returns the tag of an `If-Match` header, which must be one strong tag.
 *
 * @param name - the header, or the field of a body with the same meaning
 * @throws SharingError `invalid-request` for weak tags, lists, `*` and malformed values
 */
export function parseIfMatch(value: string, name = 'If-Match'): EntityTag {
  const text = value.trim();
  if (!isEntityTag(text)) {
    throw invalidRequest(
      `"${name}" must be exactly one strong entity tag in quotation marks: the "ETag" of an earlier response.`,
    );
  }
  return text;
}

/** Item of the list in an `If-None-Match` header, with the comma after it. The list can have empty items. */
const listItem = /[ \t]*(?:(?:W\/)?("[^"\u0000-\u0020\u007F]*")[ \t]*)?(?:,|$)/y;

/**
 * Returns the tags of an `If-None-Match` header, which compares weak tags like strong tags.
 *
 * @throws SharingError `invalid-request` for malformed values
 */
export function parseIfNoneMatch(value: string): IfNoneMatch {
  if (value.trim() === '*') return '*';
  const tags: EntityTag[] = [];
  const pattern = new RegExp(listItem);
  while (pattern.lastIndex < value.length) {
    const item = pattern.exec(value);
    if (item === null) throw malformedIfNoneMatch();
    const [, tag = ''] = item;
    if (isEntityTag(tag)) tags.push(tag);
  }
  if (tags.length === 0) throw malformedIfNoneMatch();
  return tags;
}

const malformedIfNoneMatch = () =>
  invalidRequest('"If-None-Match" must be "*" or a list of entity tags in quotation marks, separated by commas.');
