import { invalidSetting } from './invalid-setting.ts';

/**
 * Asserts that each text is an origin as browsers send it in `Origin`: scheme, host and, unless it is the scheme's
 * default, port. A wildcard is invalid, because any other site could use the tokens of a console.
 *
 * @param setting - name of the setting, for the error message
 * @throws UsageError for the first text that is not an origin
 */
export function assertAreOrigins(setting: string, texts: readonly string[]): void {
  for (const text of texts) {
    const url = URL.parse(text);
    if (url?.origin !== text || !/^https?:$/.test(url.protocol) || text.includes('*')) {
      throw invalidSetting(
        setting,
        'a comma-separated list of origins such as https://console.example, without a path, a slash at the end or a wildcard',
        text,
      );
    }
  }
}

/**
 * Parses a comma-separated list of origins. An empty text is an empty list.
 *
 * @throws UsageError for the first item that is not an origin
 */
export function parseOrigins(setting: string, text: string): readonly string[] {
  const origins = text === '' ? [] : text.split(',').map((origin) => origin.trim());
  assertAreOrigins(setting, origins);
  return origins;
}
