import type { PageIdentity } from '../../lambda/console/page-settings.ts';

/** Returns the sentences for a user who signed out, with the sessions that remain. */
export function signedOutText(identity: PageIdentity): string {
  const text = 'You are signed out: the page has forgotten your token.';
  return identity.kind === 'oidc'
    ? `${text} Your session at ${new URL(identity.issuer).host} continues; end it there if others use this browser.`
    : text;
}
