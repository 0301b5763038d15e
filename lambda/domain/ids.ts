import { imageNotFound, memberNotFound } from './errors.ts';

/** Id of an image: a lower-case UUID (`csapi:UUID` of the Image API). */
export type ImageId = string & { readonly __id: 'image' };

/** Id of a project in the identity service: 1 to 255 code points, case-sensitive and opaque. */
export type ProjectId = string & { readonly __id: 'project' };

/** Maximum length of a project id or a user id, in code points. */
export const maxIdLength = 255;

/** Regular expression of an image id, in the form that the Image service publishes in its schemas. */
export const imageIdPattern = '^([0-9a-f]){8}-([0-9a-f]){4}-([0-9a-f]){4}-([0-9a-f]){4}-([0-9a-f]){12}$';

/** Regular expression of a project id: no `/`, `?` or control character, and neither `.` nor `..`. */
export const projectIdPattern = '^(?!\\.{1,2}$)[^/?\\u0000-\\u001f\\u007f-\\u009f]+$';

/** Description of a project id for error messages. */
export const projectIdForm = `a project id of 1 to ${maxIdLength} characters without "/", "?" and control characters`;

const imageIdRegExp = new RegExp(imageIdPattern);
const projectIdRegExp = new RegExp(projectIdPattern, 'u');

/** Parses an image id; returns `undefined` if no image can have that id. */
export const parseImageId = (text: string): ImageId | undefined =>
  imageIdRegExp.test(text) ? (text as ImageId) : undefined;

/**
 * Parses a project id.
 *
 * Returns `undefined` if no member can have that id: `.`, `..`, a text that is empty, longer than 255 code points or
 * than 1,000 bytes of UTF-8 (a sort key holds 1,024), or a text with a control character, `/`, `?` or an unpaired
 * surrogate.
 */
export const parseProjectId = (text: string): ProjectId | undefined =>
  text.isWellFormed() &&
  projectIdRegExp.test(text) &&
  Array.from(text).length <= maxIdLength &&
  Buffer.byteLength(text) <= 1000
    ? (text as ProjectId)
    : undefined;

/**
 * Parses a user id.
 *
 * Returns `undefined` if the text is empty, longer than 255 code points, or has a control character or an unpaired
 * surrogate, because neither the table nor a notification can hold such an id.
 */
export const parseUserId = (text: string): string | undefined =>
  text !== '' && text.isWellFormed() && !/\p{Cc}/u.test(text) && Array.from(text).length <= maxIdLength
    ? text
    : undefined;

/**
 * Parses an image id.
 *
 * @throws SharingError `image-not-found` if no image can have that id
 */
export function requireImageId(text: string): ImageId {
  const imageId = parseImageId(text);
  if (imageId === undefined) throw imageNotFound(text);
  return imageId;
}

/**
 * Parses the project id of a member.
 *
 * @throws SharingError `member-not-found` if no member can have that id
 */
export function requireMemberId(imageId: ImageId, text: string): ProjectId {
  const memberId = parseProjectId(text);
  if (memberId === undefined) throw memberNotFound(imageId, text);
  return memberId;
}
