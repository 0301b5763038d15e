import { invalidRequest } from '../../domain/errors.ts';
import { abridge } from '../../domain/quote.ts';
import { mediaType, type ApiEvent, type ApiMiddleware } from '../api-request.ts';
import { RequestFault } from '../faults.ts';

const bytesOf = ({ body, isBase64Encoded }: ApiEvent): Buffer =>
  typeof body === 'string' ? Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8') : Buffer.alloc(0);

/** Refuses a body that is empty, not UTF-8, or starts with a byte order mark, and decodes other bodies to text. */
export const requireUtf8Body = (): ApiMiddleware => ({
  // The JSON parser would silently replace invalid bytes and skip a byte order mark (RFC 8259, section 8.1).
  before: ({ event }) => {
    const bytes = bytesOf(event);
    if (bytes.length === 0) throw invalidRequest('The request must have a JSON body.');
    try {
      event.body = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw invalidRequest('The body must be UTF-8.');
    }
    event.isBase64Encoded = false;
    if (String(event.body).startsWith('\uFEFF')) {
      throw invalidRequest('The body must not start with a byte order mark.');
    }
  },
});

/** Refuses a request with a body. */
export const requireNoBody = (): ApiMiddleware => ({
  before: ({ event }) => {
    if (bytesOf(event).length > 0) {
      throw invalidRequest(`A ${abridge(event.requestContext.http.method)} request must not have a body.`);
    }
  },
});

/** Refuses a body with another media type. */
export const requireMediaType = (allowed: readonly string[]): ApiMiddleware => ({
  before: ({ event }) => {
    if (!allowed.includes(mediaType(event))) {
      throw new RequestFault('unsupported-media-type', `The "Content-Type" must be one of ${allowed.join(', ')}.`, {
        'accept-patch': allowed.join(', '),
      });
    }
  },
});
