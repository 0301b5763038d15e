import { invalidRequest } from '../../domain/errors.ts';
import { abridge } from '../../domain/quote.ts';
import { mediaType, type ApiEvent, type ApiMiddleware } from '../api-request.ts';
import { RequestFault } from '../faults.ts';

const bytesOf = ({ body, isBase64Encoded }: ApiEvent): Buffer =>
  typeof body === 'string' ? Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8') : Buffer.alloc(0);

/**
 * Lets only a body pass that is UTF-8 without a byte order mark, as text: the parser behind it would mend the one and
 * skip the other in silence (RFC 8259, section 8.1).
 */
export const requireUtf8Body = (): ApiMiddleware => ({
  before: ({ event }) => {
    const bytes = bytesOf(event);
    if (bytes.length === 0) throw invalidRequest('A JSON body is expected.');
    try {
      event.body = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw invalidRequest('The body is not UTF-8.');
    }
    event.isBase64Encoded = false;
    if (String(event.body).startsWith('\uFEFF'))
      throw invalidRequest('The body starts with a byte order mark; leave it out.');
  },
});

/** Refuses a body where none has a meaning, before anything is done. */
export const requireNoBody = (): ApiMiddleware => ({
  before: ({ event }) => {
    if (bytesOf(event).length > 0)
      throw invalidRequest(`A ${abridge(event.requestContext.http.method)} request has no body.`);
  },
});

/** Refuses a body of another media type than these. */
export const requireMediaType = (allowed: readonly string[]): ApiMiddleware => ({
  before: ({ event }) => {
    if (!allowed.includes(mediaType(event))) {
      throw new RequestFault('unsupported-media-type', `The Content-Type has to be one of ${allowed.join(', ')}.`, {
        'accept-patch': allowed.join(', '),
      });
    }
  },
});
