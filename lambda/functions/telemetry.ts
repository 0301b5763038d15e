import { createLog } from '../runtime/log.ts';
import { createTelemetry, type Telemetry } from '../runtime/telemetry.ts';

/** Creates the telemetry of a function. Lambda sets the trace header as a variable at the start of each invocation. */
export const functionTelemetry = (stackName: string): Telemetry =>
  createTelemetry(createLog(stackName), () => process.env['_X_AMZN_TRACE_ID']);
