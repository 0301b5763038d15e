import { abridge, quote } from './quote.ts';

/** Why a request was refused: a closed list, told to callers as the machine-readable `error` of a fault. */
export const sharingErrorCodes = [
  'invalid-request',
  'invalid-member-status',
  'not-authenticated',
  'identity-unavailable',
  'not-permitted',
  'image-not-shared',
  'image-protected',
  'attribute-read-only',
  'image-not-found',
  'member-not-found',
  'image-exists',
  'member-exists',
  'property-not-found',
  'tag-not-found',
  'member-quota-exceeded',
  'image-too-large',
  'project-full',
  'try-again-later',
  'database-unavailable',
  'outcome-unknown',
] as const;
export type SharingErrorCode = (typeof sharingErrorCodes)[number];

/** A refusal: a code, and a sentence that says what is wrong and what would be right. */
export class SharingError extends Error {
  override readonly name = 'SharingError';
  readonly code: SharingErrorCode;

  constructor(code: SharingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const error = (code: SharingErrorCode, message: string): SharingError => new SharingError(code, message);

export const invalidRequest = (message: string): SharingError => error('invalid-request', message);

export const invalidMemberStatus = (): SharingError =>
  error('invalid-member-status', 'A member status is one of "pending", "accepted", "rejected".');

/** Whether the caller is who the token says cannot be found out just now: never a pass. */
export const identityUnavailable = (cause?: unknown): SharingError =>
  new SharingError(
    'identity-unavailable',
    'The identity service cannot be asked about the token just now; nothing was done. Please try again.',
    { cause },
  );

export const notPermitted = (message: string): SharingError => error('not-permitted', message);

export const imageNotFound = (imageId: string): SharingError =>
  error('image-not-found', `No image found with ID ${abridge(imageId)}.`);

export const imageNotShared = (imageId: string): SharingError =>
  error('image-not-shared', `Only shared images have members; image ${abridge(imageId)} is not shared.`);

export const imageProtected = (imageId: string): SharingError =>
  error(
    'image-protected',
    `Image ${abridge(imageId)} is protected and cannot be deleted; set "protected" to false first.`,
  );

export const imageExists = (imageId: string): SharingError =>
  error('image-exists', `The image ID ${abridge(imageId)} is taken; choose another or let the service choose.`);

export const memberNotFound = (imageId: string, memberId: string): SharingError =>
  error('member-not-found', `Project ${abridge(memberId)} is not a member of image ${abridge(imageId)}.`);

export const memberExists = (imageId: string, memberId: string): SharingError =>
  error('member-exists', `Project ${abridge(memberId)} is already a member of image ${abridge(imageId)}.`);

export const memberQuotaExceeded = (imageId: string, quota: number): SharingError =>
  error(
    'member-quota-exceeded',
    `Image ${abridge(imageId)} has its ${quota} members, the most allowed; remove one first.`,
  );

export const imageTooLarge = (most: string): SharingError =>
  error('image-too-large', `An image has at most ${most}; leave some out.`);

/** A list or project that the request adds an item to has reached the size limit of an item collection, 10 GB. */
export const projectFull = (cause?: unknown): SharingError =>
  new SharingError(
    'project-full',
    'The project has reached the maximum of 10 GB for its images and memberships; delete images or withdraw offers first.',
    { cause },
  );

export const attributeReadOnly = (name: string): SharingError =>
  error('attribute-read-only', `The service keeps the property ${quote(name)} for itself; leave it out.`);

export const propertyNotFound = (name: string): SharingError =>
  error('property-not-found', `The image has no property ${quote(name)}; use "add" to give it one.`);

export const tagNotFound = (tag: string): SharingError => error('tag-not-found', `The image has no tag ${quote(tag)}.`);

/** Other requests were in the way. */
export const tryAgainLater = (cause?: unknown): SharingError =>
  new SharingError('try-again-later', 'Too many changes at once; nothing was lost. Please try again.', { cause });

/** The database cannot be reached: no write of the request was applied. */
export const databaseUnavailable = (cause?: unknown): SharingError =>
  new SharingError(
    'database-unavailable',
    'The database cannot be reached just now; nothing was done. Please try again.',
    { cause },
  );

/** A write of the request may have been applied, and may still be. */
export const outcomeUnknown = (cause?: unknown): SharingError =>
  new SharingError(
    'outcome-unknown',
    'The outcome of the request is unknown: it is applied once or not at all. Please read the image or member before you try again.',
    { cause },
  );

const temporaryCodes: ReadonlySet<SharingErrorCode> = new Set([
  'try-again-later',
  'database-unavailable',
  'outcome-unknown',
]);

/** Whether an error says nothing against the request itself, which may succeed at another time. */
export const isTemporary = (error: unknown): boolean => error instanceof SharingError && temporaryCodes.has(error.code);
