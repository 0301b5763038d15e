import { isPublicUrl, publicUrlFormat } from '../../lambda/functions/config.ts';
import { invalidSetting } from './invalid-setting.ts';

/**
 * Asserts that clients' links can be built from a URL.
 *
 * @param setting - name of the setting, for the error message
 * @throws UsageError otherwise
 */
export function assertIsPublicUrl(setting: string, url: string): void {
  if (!isPublicUrl(url)) throw invalidSetting(setting, publicUrlFormat, url);
}
