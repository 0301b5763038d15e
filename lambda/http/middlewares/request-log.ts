import { parseImageId } from '../../domain/ids.ts';
import { logMessages } from '../../runtime/log-messages.ts';
import { allOperations, metricFields, outcomeOf } from '../../runtime/metric.ts';
import { reportedErrors } from '../../runtime/request-context.ts';
import type { Telemetry } from '../../runtime/telemetry.ts';
import type { ApiMiddleware } from '../api-request.ts';
import type { FaultCode } from '../faults.ts';

const identityUnavailable: FaultCode = 'identity-unavailable';

/**
 * Logs one line per request: operation, outcome, duration, cold start, project, image, status, fault, consumed units,
 * and the ids that the line has in common with the gateway's access log and the trace. Logs the cause of 5xx faults
 * only, and never a token, a header, a query or a body. The line also contains the metrics of the operation.
 *
 * A 5xx, also one of an entry of a bulk request, adds a line with the metrics of all operations, which alarms use.
 */
export const requestLog = (operation: string, { log, startRequest }: Telemetry): ApiMiddleware => {
  const logRequest: NonNullable<ApiMiddleware['after']> = ({ event, response, error, internal }) => {
    const { requestId, fault, endRequest } = internal;
    const status = response?.statusCode ?? 500;
    const [failedPart] = reportedErrors();
    const isServerError = status >= 500 || failedPart !== undefined;
    const level = isServerError ? 'error' : 'info';
    const outcome = outcomeOf(status);
    const errors = isServerError ? { [fault === identityUnavailable ? 'IdentityUnavailable' : 'ServerErrors']: 1 } : {};
    if (isServerError)
      log({ level, message: logMessages.serverError, requestId, ...metricFields(allOperations, errors, outcome) });
    log({
      level,
      message: logMessages.request,
      image: parseImageId(event.pathParameters?.['image_id'] ?? ''),
      project: event.caller?.projectId,
      status,
      fault,
      requestId,
      gatewayRequestId: event.requestContext.requestId,
      ...(isServerError ? { cause: causeOf(error ?? (failedPart instanceof Error ? failedPart : undefined)) } : {}),
      ...endRequest(operation, outcome, errors),
    });
  };
  return {
    before: ({ event, context, internal }) => {
      internal.endRequest = startRequest(context, event.headers['x-amzn-trace-id']);
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
