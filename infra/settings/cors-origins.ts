import { isOrigin, originFormat } from '../../lambda/console/console-settings.ts';
import { invalidSetting } from './invalid-setting.ts';

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
