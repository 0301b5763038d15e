import { parseImageId } from '../../domain/ids.ts';
import { logMessages } from '../../runtime/log-messages.ts';
import type { Log } from '../../runtime/log.ts';
import type { ApiMiddleware } from '../api-request.ts';

/**
 * Logs one line per request: operation, image, caller's project, status, fault and duration. Logs the cause of 5xx
 * faults only, and never a token, a header, a query or a body.
 */
export const requestLog = (operation: string, log: Log): ApiMiddleware => {
  const logRequest: NonNullable<ApiMiddleware['after']> = ({ event, response, error, internal }) => {
    const status = response?.statusCode ?? 500;
    log({
      level: status >= 500 ? 'error' : 'info',
      message: logMessages.request,
      operation,
      image: parseImageId(event.pathParameters?.['image_id'] ?? ''),
      project: event.caller?.projectId,
      status,
      fault: internal.fault,
      requestId: internal.requestId,
      milliseconds: Math.round(performance.now() - internal.startedAt),
      ...(status >= 500 ? { cause: causeOf(error) } : {}),
    });
  };
  return {
    before: ({ internal }) => {
      internal.startedAt = performance.now();
    },
    after: logRequest,
    onError: logRequest,
  };
};

/** Returns the loggable fields of an error. Other fields are omitted: a parser's error contains the request body. */
const causeOf = (error: Error | null | undefined): unknown =>
  error == null
    ? undefined
    : {
        name: error.name,
        message: error.message,
        stack: error.stack,
        cause: error.cause instanceof Error ? causeOf(error.cause) : undefined,
      };
