import { isOrigin, type ConsoleSettings } from '../../lambda/console/console-settings.ts';
import type { PageIdentity } from '../../lambda/console/page-settings.ts';
import { variables } from '../../lambda/functions/config.ts';
import { loadIdentitySettings, toVersion3 } from '../../lambda/identity/settings.ts';
import { UsageError } from '../usage-error.ts';
import type { StageSettings } from './stage-settings.ts';

/** Settings of a console that is on. */
export type ConsoleOptions = Exclude<NonNullable<StageSettings['console']>, false>;

/**
 * Returns the variable of the function that serves the console. All its values are public: the page shows them to every
 * visitor.
 *
 * @param identityEnvironment - variables of the valid identity
 * @throws UsageError if the URL of the identity provider has no usable origin
 */
export function consoleEnvironment(
  identityEnvironment: Readonly<Record<string, string>>,
  options: ConsoleOptions,
): Readonly<Record<string, string>> {
  const identity = pageIdentity(identityEnvironment, options);
  const providerUrl =
    identity.kind === 'keystone' ? identity.url : identity.kind === 'oidc' ? identity.issuer : undefined;
  const providerOrigins = providerUrl === undefined ? [] : [new URL(providerUrl).origin];
  if (!providerOrigins.every(isOrigin)) {
    throw new UsageError(
      `The URL of the console's identity provider must have a host of letters, digits, hyphens and dots; got "${providerUrl}".`,
    );
  }
  const settings: ConsoleSettings = {
    identity,
    connectOrigins: [...new Set([...providerOrigins, ...(options.connectOrigins ?? [])])],
  };
  return { [variables.consoleSettings]: JSON.stringify(settings) };
}

function pageIdentity(
  identityEnvironment: Readonly<Record<string, string>>,
  { keystoneUrl, clientId, scope = 'openid' }: ConsoleOptions,
): PageIdentity {
  const identity = loadIdentitySettings(identityEnvironment, []) ?? 'none';
  if (typeof identity === 'string') return { kind: identity };
  if (identity.kind === 'keystone') {
    // Without a user name, a password and a query, which a URL for functions can have.
    const { origin, pathname } = new URL(keystoneUrl ?? identity.authUrl);
    return { kind: 'keystone', url: toVersion3(`${origin}${pathname}`) };
  }
  return clientId === undefined ? { kind: 'token' } : { kind: 'oidc', issuer: identity.issuer, clientId, scope };
}
