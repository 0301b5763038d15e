import type { PageSettings } from './page-settings.ts';

/** Settings of the function that serves the console. It contains no secret. */
export interface ConsoleSettings extends PageSettings {
  /** Origins besides its own that the page may call: of the identity provider, and further ones of the operator. */
  readonly connectOrigins: readonly string[];
}

/**
 * Parses the settings.
 *
 * @param text - JSON of {@link ConsoleSettings}, which `infra/settings/console-configuration.ts` creates
 * @throws Error if the text is no JSON object of settings, or an origin could change the security policy of the page
 */
export function parseConsoleSettings(text: string): ConsoleSettings {
  const settings = JSON.parse(text) as ConsoleSettings;
  const invalid = settings.connectOrigins.find((origin) => !isOrigin(origin));
  if (invalid !== undefined) {
    throw new Error(`Each item of "connectOrigins" must be ${originFormat}; got ${JSON.stringify(invalid)}.`);
  }
  return settings;
}

/** Description of a text that {@link isScope} accepts, for error messages. */
export const scopeFormat = 'a scope that contains openid, with spaces between several';

/** Returns true for a scope with which an issuer returns an ID token (OpenID Connect Core, section 3.1.2.1). */
export const isScope = (text: string): boolean => text.split(' ').includes('openid');

/** Description of a text that {@link isOrigin} accepts, for error messages. */
export const originFormat =
  'an origin such as https://console.example, without a path, a slash at the end or a wildcard';

/**
 * Returns true for an origin as browsers send it in `Origin`: scheme, host and, unless it is the scheme's default, port.
 * A wildcard is invalid, because any other site could use the tokens of a console. Characters that separate the parts of
 * a header are invalid too, although a URL can contain them.
 */
export const isOrigin = (text: string): boolean =>
  /^https?:\/\/[\w.:[\]-]+$/.test(text) && URL.parse(text)?.origin === text;
