import { abridge, quote } from './quote.ts';

/** The codes of all refusals and temporary errors: the machine-readable `error` of a response. */
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
  'image-not-queued',
  'image-formats-missing',
  'image-has-no-data',
  'image-exists',
  'member-exists',
  'property-not-found',
  'tag-not-found',
  'standing-answer-not-found',
  'standing-answer-limit-exceeded',
  'precondition-failed',
  'member-quota-exceeded',
  'image-too-large',
  'project-full',
  'try-again-later',
  'database-unavailable',
  'outcome-unknown',
  'not-started',
] as const;
export type SharingErrorCode = (typeof sharingErrorCodes)[number];

/** A refusal or a temporary error: a code, and a sentence that says what is wrong and what is valid. */
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
  error('invalid-member-status', 'The field "status" must be "pending", "accepted" or "rejected".');

/** The identity service cannot verify the token now, so the request was not executed. */
export const identityUnavailable = (cause?: unknown): SharingError =>
  new SharingError(
    'identity-unavailable',
    'The identity service cannot verify the token now; nothing was changed. Please try again.',
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

/** The status of the image does not permit an import. */
export const imageNotQueued = (imageId: string, status: string): SharingError =>
  error('image-not-queued', `Data can be imported into a queued image only; image ${abridge(imageId)} is ${status}.`);

export const imageFormatsMissing = (imageId: string): SharingError =>
  error(
    'image-formats-missing',
    `An import requires the "disk_format" and the "container_format" of the image; set both of image ${abridge(imageId)} first.`,
  );

export const imageHasNoData = (imageId: string): SharingError =>
  error(
    'image-has-no-data',
    `Only an image with data can be activated or deactivated; image ${abridge(imageId)} has none.`,
  );

export const imageExists = (imageId: string): SharingError =>
  error('image-exists', `The image ID ${abridge(imageId)} is already used; send another "id" or leave it out.`);

export const memberNotFound = (imageId: string, memberId: string): SharingError =>
  error('member-not-found', `Project ${abridge(memberId)} is not a member of image ${abridge(imageId)}.`);

export const memberExists = (imageId: string, memberId: string): SharingError =>
  error('member-exists', `Project ${abridge(memberId)} is already a member of image ${abridge(imageId)}.`);

export const memberQuotaExceeded = (imageId: string, quota: number): SharingError =>
  error(
    'member-quota-exceeded',
    `Image ${abridge(imageId)} already has the maximum of ${quota} members; remove a member first.`,
  );

/** @param limit - the exceeded limit with its unit, such as "128 tags" */
export const imageTooLarge = (limit: string): SharingError =>
  error('image-too-large', `An image can have at most ${limit}; leave some out.`);

/** A list or project that the request adds an item to has reached the size limit of an item collection, 10 GB. */
export const projectFull = (cause?: unknown): SharingError =>
  new SharingError(
    'project-full',
    'The project has reached the maximum of 10 GB for its images and memberships; delete images or withdraw offers first.',
    { cause },
  );

export const attributeReadOnly = (name: string): SharingError =>
  error('attribute-read-only', `The property ${quote(name)} is read-only; leave it out.`);

export const propertyNotFound = (name: string): SharingError =>
  error('property-not-found', `The image has no property ${quote(name)}; use "add" to create it.`);

export const standingAnswerNotFound = (owner: string): SharingError =>
  error('standing-answer-not-found', `The project has no standing answer for offers of project ${abridge(owner)}.`);

export const standingAnswerLimitExceeded = (limit: number): SharingError =>
  error('standing-answer-limit-exceeded', `A project can have at most ${limit} standing answers; delete one first.`);

/** @param resource - noun phrase such as "membership" */
export const preconditionFailed = (resource: string): SharingError =>
  error('precondition-failed', `The ${resource} has changed; read it again and send its new ETag in "If-Match".`);

export const tagNotFound = (tag: string): SharingError => error('tag-not-found', `The image has no tag ${quote(tag)}.`);

/** Concurrent changes prevented the request, which can be repeated. */
export const tryAgainLater = (cause?: unknown): SharingError =>
  new SharingError('try-again-later', 'Too many concurrent changes. Please try again.', { cause });

/** The database is unreachable; no write of the request was applied. */
export const databaseUnavailable = (cause?: unknown): SharingError =>
  new SharingError('database-unavailable', 'The database is unreachable; nothing was changed. Please try again.', {
    cause,
  });

/** A write of the request may have been applied or may still be applied. */
export const outcomeUnknown = (cause?: unknown): SharingError =>
  new SharingError(
    'outcome-unknown',
    'The outcome of the request is unknown: it is applied once or not at all. Read the image or member before you try again.',
    { cause },
  );

/** The request ended before it started this entry, which had no effect. */
export const notStarted = (): SharingError =>
  error('not-started', 'The time of the request did not suffice for this entry, which was not started. Send it again.');

const temporaryCodes: ReadonlySet<SharingErrorCode> = new Set([
  'try-again-later',
  'database-unavailable',
  'outcome-unknown',
  'not-started',
]);

/** Returns whether the same request may succeed later. */
export const isTemporary = (error: unknown): boolean => error instanceof SharingError && temporaryCodes.has(error.code);
