import type { Log } from './log.ts';
import { metricFields, type MetricName, type Outcome } from './metric.ts';
import { consumedUnits } from './request-context.ts';

/**
 * Returns the log fields of a request or command that ends: operation, outcome, duration, consumed units, cold start,
 * the ids of the invocation and the trace, and the metrics of these facts.
 *
 * @param errors - numbers of errors, for the metrics
 */
type EndRequest = (
  operation: string,
  outcome: Outcome,
  errors?: Readonly<Partial<Record<MetricName, number>>>,
) => Readonly<Record<string, unknown>>;

/** The log of a function, and the facts that it logs of every request. */
export interface Telemetry {
  readonly log: Log;
  /**
   * Starts a request or command. The first one of a function instance is a cold start.
   *
   * @param traceHeader - header `X-Amzn-Trace-Id` of a request; it counts only if Lambda has none
   */
  readonly startRequest: (context: { readonly awsRequestId: string }, traceHeader?: string) => EndRequest;
}

/** Form of a trace's root. Clients can send the header, so that any other text must not reach the log. */
const traceRoot = /\bRoot=(1-[0-9a-f]{8}-[0-9a-f]{24})(?![0-9a-z-])/;

/**
 * Creates the telemetry of one function instance.
 *
 * @param lambdaTraceHeader - returns the trace header of the current invocation, if Lambda has set it
 */
export function createTelemetry(log: Log, lambdaTraceHeader: () => string | undefined): Telemetry {
  let isFirst = true;
  return {
    log,
    startRequest: ({ awsRequestId }, traceHeader) => {
      const startedAt = performance.now();
      const coldStart = isFirst;
      isFirst = false;
      const traceId = traceRoot.exec(lambdaTraceHeader() || traceHeader || '')?.[1];
      return (operation, outcome, errors = {}) => {
        const { read, write } = consumedUnits();
        const duration = Math.round(performance.now() - startedAt);
        return {
          coldStart,
          lambdaRequestId: awsRequestId,
          traceId,
          ...metricFields(
            operation,
            {
              Requests: 1,
              Duration: duration,
              ...(coldStart && { ColdStarts: 1 }),
              ReadUnits: read,
              WriteUnits: write,
              ...errors,
            },
            outcome,
          ),
        };
      };
    },
  };
}
