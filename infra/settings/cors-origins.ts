import { invalidSetting } from './invalid-setting.ts';

/** Description of a text that {@link isOrigin} accepts, for error messages. */
export const originFormat =
  'an origin such as https://console.example, without a path, a slash at the end or a wildcard';

/**
 * Returns true for an origin as browsers send it in `Origin`: scheme, host and, unless it is the scheme's default, port.
 * A wildcard is invalid, because any other site could use the tokens of a console.
 */
export function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url?.origin === text && /^https?:$/.test(url.protocol) && !text.includes('*');
}

/**
 * Parses a comma-separated list of origins. An empty text is an empty list.
 *
 * @param setting - name of the setting, for the error message
 * @throws UsageError for the first item that is not an origin
 */
export function parseOrigins(setting: string, text: string): readonly string[] {
  const origins = text === '' ? [] : text.split(',').map((origin) => origin.trim());
  const invalid = origins.find((origin) => !isOrigin(origin));
  if (invalid !== undefined)
    throw invalidSetting(setting, `a comma-separated list; each item is ${originFormat}`, invalid);
  return origins;
}
