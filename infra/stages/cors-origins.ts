import { UsageError } from '../usage-error.ts';

/**
 * Lets only origins pass, as browsers send them in `Origin`: scheme, host and, unless it is the scheme's own, port. A
 * wildcard is none: a console that holds tokens is named, and any other site stays out.
 *
 * @param setting - what the origins were given in, for the sentence
 * @throws Refusal naming the first that is none
 */
export function assertAreOrigins(setting: string, origins: readonly string[]): void {
  const fault = origins.find((text) => {
    const url = URL.parse(text);
    return url?.origin !== text || !/^https?:$/.test(url.protocol) || text.includes('*');
  });
  if (fault !== undefined) {
    throw new UsageError(
      `${setting} has ${JSON.stringify(fault)}, which is no origin: give each as a browser sends it, such as https://console.example, without a path, a slash at the end or a wildcard, and separate them by commas.`,
    );
  }
}

/**
 * The origins of a setting's text, separated by commas; none where it is empty.
 *
 * @throws Refusal naming the first that is none
 */
export function parseOrigins(setting: string, text: string): readonly string[] {
  const origins = text === '' ? [] : text.split(',').map((origin) => origin.trim());
  assertAreOrigins(setting, origins);
  return origins;
}
