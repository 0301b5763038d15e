import { UsageError } from '../usage-error.ts';

/**
 * Creates the error for a setting with an unusable value.
 *
 * @param name - the setting as the user wrote it, such as `PORT` or `-c stage`
 * @param requirement - the valid values, such as `a number from 0 to 65535`
 */
export function invalidSetting(name: string, requirement: string, value: unknown): UsageError {
  const shown = typeof value === 'string' ? value.slice(0, 80) : value;
  return new UsageError(`"${name}" must be ${requirement}; got ${JSON.stringify(shown)}.`);
}
