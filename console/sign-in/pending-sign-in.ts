import type { RequestBinding } from './oidc-client.ts';

/** A sign-in that has left the page for the issuer. */
export interface PendingSignIn extends RequestBinding {
  /** Fragment of the address: the view to return to. */
  readonly fragment: string;
  /** True if the issuer must not ask the user. */
  readonly isSilent: boolean;
}

const key = 'image-sharing.sign-in';

/** Stores a sign-in while the browser is at the issuer. */
export function storePending(storage: Storage, pending: PendingSignIn): void {
  storage.setItem(key, JSON.stringify(pending));
}

/** Returns the stored sign-in and deletes it, so that it is used at most once. */
export function takePending(storage: Storage): PendingSignIn | undefined {
  const text = storage.getItem(key);
  storage.removeItem(key);
  return text === null ? undefined : (JSON.parse(text) as PendingSignIn);
}

/** Errors that say only that the issuer must ask the user (OpenID Connect Core, section 3.1.2.6). */
const userRequiredErrors = [
  ...['login_required', 'interaction_required', 'consent_required', 'account_selection_required'],
];

/**
 * Returns the next step when the page starts.
 *
 * - `complete`: the address has the response to the sign-in.
 * - `fail`: it has a response, but no sign-in has left this tab.
 * - `ask`: the browser came back without a response, or the issuer must ask the user.
 * - `try-silently`: the page starts without a sign-in.
 */
export function nextStep(
  query: URLSearchParams,
  pending: PendingSignIn | undefined,
): 'complete' | 'fail' | 'ask' | 'try-silently' {
  const error = query.get('error');
  if (error === null && !query.has('code')) return pending === undefined ? 'try-silently' : 'ask';
  if (pending === undefined) return 'fail';
  return pending.isSilent && error !== null && userRequiredErrors.includes(error) ? 'ask' : 'complete';
}
