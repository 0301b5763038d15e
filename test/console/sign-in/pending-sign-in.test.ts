import { expect, test } from '@jest/globals';
import { nextStep, storePending, takePending, type PendingSignIn } from '../../../console/sign-in/pending-sign-in.ts';

const pending: PendingSignIn = { verifier: 'v', state: 's', nonce: 'n', fragment: '#images', isSilent: false };
const silent: PendingSignIn = { ...pending, isSilent: true };

/** A storage of the browser. */
function aStorage(): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
    get length() {
      return items.size;
    },
  } as Storage;
}

test('a stored sign-in is taken once', () => {
  const storage = aStorage();
  storePending(storage, pending);

  expect(storage.length).toBe(1);
  expect(takePending(storage)).toEqual(pending);
  expect(storage.length).toBe(0);
  expect(takePending(storage)).toBeUndefined();
});

test.each<[string, string, PendingSignIn | undefined, ReturnType<typeof nextStep>]>([
  ['the page starts', '', undefined, 'try-silently'],
  ['the page starts with another query', 'x=1', undefined, 'try-silently'],
  ['the issuer returns a code', 'code=c&state=s', pending, 'complete'],
  ['the issuer returns a code silently', 'code=c&state=s', silent, 'complete'],
  ['the issuer returns an error', 'error=access_denied&state=s', pending, 'complete'],
  ['the issuer returns another error silently', 'error=invalid_scope&state=s', silent, 'complete'],
  ['the issuer must ask the user, and was told not to', 'error=login_required&state=s', silent, 'ask'],
  ['the issuer requires consent, and was told not to ask', 'error=consent_required&state=s', silent, 'ask'],
  ['the issuer could not ask, although it was permitted', 'error=login_required&state=s', pending, 'complete'],
  ['the browser comes back without a response', '', pending, 'ask'],
  ['the browser comes back without a response to a silent attempt', '', silent, 'ask'],
  ['a code belongs to no sign-in of the tab', 'code=c&state=s', undefined, 'fail'],
  ['an error belongs to no sign-in of the tab', 'error=login_required', undefined, 'fail'],
])('if %s, the next step follows', (_title, query, stored, step) => {
  expect(nextStep(new URLSearchParams(query), stored)).toBe(step);
});
