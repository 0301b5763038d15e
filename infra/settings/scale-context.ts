import type { Node } from 'constructs';
import type { RouteThrottle } from '../constructs/image-api.ts';
import type { WarmThroughput } from '../constructs/sharing-table.ts';
import { invalidSetting } from './invalid-setting.ts';
import { UsageError } from '../usage-error.ts';

/** The settings of the command line for the rates of the service; `docs/scale.md` says which limit each one moves. */
export interface ScaleContext {
  readonly routeThrottle?: RouteThrottle;
  readonly warmThroughput?: WarmThroughput;
}

// A new on-demand table has this warm throughput ("Warm throughput" in the DynamoDB developer guide); a lower value is
// not possible.
const minWarmReads = 12_000;
const minWarmWrites = 4_000;

/**
 * Reads `-c routeRate`, `-c routeBurst`, `-c warmReads` and `-c warmWrites`.
 *
 * @throws UsageError if one of them has an unusable value, or is set without another that it requires
 */
export function scaleFromContext(node: Node): ScaleContext {
  const getNumber = (name: string, min: number): number | undefined => {
    const value: unknown = node.tryGetContext(name);
    if (value === undefined || value === '') return undefined;
    const number = Number(value);
    if (!Number.isSafeInteger(number) || number < min) {
      throw invalidSetting(`-c ${name}`, `a whole number from ${min}`, value);
    }
    return number;
  };
  const rateLimit = getNumber('routeRate', 1);
  const burstLimit = getNumber('routeBurst', 1);
  if (burstLimit !== undefined && rateLimit === undefined) {
    throw new UsageError('"-c routeBurst" requires "-c routeRate".');
  }
  const readUnitsPerSecond = getNumber('warmReads', minWarmReads);
  const writeUnitsPerSecond = getNumber('warmWrites', minWarmWrites);
  if ((readUnitsPerSecond === undefined) !== (writeUnitsPerSecond === undefined)) {
    throw new UsageError('"-c warmReads" and "-c warmWrites" must be set together.');
  }
  return {
    ...(rateLimit !== undefined && {
      routeThrottle: { rateLimit, burstLimit: burstLimit ?? Math.ceil(rateLimit / 2) },
    }),
    ...(readUnitsPerSecond !== undefined &&
      writeUnitsPerSecond !== undefined && { warmThroughput: { readUnitsPerSecond, writeUnitsPerSecond } }),
  };
}
