import { invalidRequest } from '../../domain/errors.ts';
import { quote } from '../../domain/quote.ts';

/** Returns a value that must be one of several. @throws SharingError `invalid-request` that names the parameter */
export function oneOf<Value extends string>(name: string, value: string, allowed: readonly Value[]): Value {
  const match = allowed.find((allowedValue) => allowedValue === value);
  if (match === undefined) throw invalidRequest(`"${name}" must be one of ${allowed.join(', ')}.`);
  return match;
}

/** Returns the value of `limit`. Values above the maximum count as the maximum. */
export function limitOf(text: string | undefined, { byDefault, max }: { byDefault: number; max: number }): number {
  if (text === undefined) return byDefault;
  if (!/^\d{1,15}$/.test(text)) throw invalidRequest('"limit" must be a whole number, 0 or greater.');
  return Math.min(Number(text), max);
}

/** Returns the value of `os_hidden`: `true` lists hidden images only. Default: false. */
export const hiddenOf = (text = 'false'): boolean =>
  oneOf('os_hidden', text.toLowerCase(), ['true', 'false'] as const) === 'true';

/** Returns the last value of each parameter of a query. */
export function lastParameters(query: URLSearchParams): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of query) parameters.set(name, value);
  return parameters;
}

/**
 * Returns the parameters of a query by name. The last value of a repeated parameter counts.
 *
 * @throws SharingError `invalid-request` that names an unknown parameter and the known ones
 */
export function knownParameters<Name extends string>(
  query: URLSearchParams,
  known: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const parameters: Partial<Record<Name, string>> = {};
  for (const [name, value] of query) {
    const match = known.find((knownName) => knownName === name);
    if (match === undefined) {
      const names = known.map((knownName) => `"${knownName}"`).join(', ');
      throw invalidRequest(
        `The parameter ${quote(name)} is unknown; ${known.length === 0 ? 'the operation has no parameters' : `the parameters are ${names}`}.`,
      );
    }
    parameters[match] = value;
  }
  return parameters;
}
