import type { Log } from '../../lambda/runtime/log.ts';
import { createTelemetry, type Telemetry } from '../../lambda/runtime/telemetry.ts';

/** Creates telemetry with a log of the test. It has no trace header of Lambda. */
export const aTelemetry = (log: Log = () => undefined): Telemetry => createTelemetry(log, () => undefined);
