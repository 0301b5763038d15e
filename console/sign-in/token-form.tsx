import { useLayoutEffect, useRef } from 'preact/hooks';
import type { PageIdentity } from '../../lambda/console/page-settings.ts';
import { submittedTexts } from '../components/submitted-texts.ts';
import type { SignInFormProps } from './sign-in-form.ts';

interface TokenFormProps extends SignInFormProps {
  readonly identity: PageIdentity;
  /** True if the field receives the focus when it appears. */
  readonly isFocused: boolean;
}

/** Signs in with a token that the user got elsewhere. */
export function TokenForm({ identity, isFocused, isBusy, signIn }: TokenFormProps) {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (isFocused) field.current?.focus();
  }, []);
  const submit = (event: SubmitEvent) => {
    const token = submittedTexts(event)('token');
    void signIn(() => Promise.resolve({ token: () => Promise.resolve(token) }));
  };
  return (
    <form class="form" onSubmit={submit}>
      <label>
        Token{' '}
        <input
          ref={field}
          name="token"
          type="password"
          required
          // A header cannot have other characters.
          pattern="\s*[!-~]+\s*"
          title="A token has no spaces and no letters outside ASCII."
          autocomplete="off"
          aria-describedby="token-hint"
        />
      </label>
      <p id="token-hint" class="hint">
        {identity.kind === 'keystone' ? (
          <>
            The token of a project. This command prints one: <code>openstack token issue -f value -c id</code>
          </>
        ) : (
          'An access token of your identity provider.'
        )}{' '}
        The page keeps it until you sign out or reload.
      </p>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        Sign in
      </button>
    </form>
  );
}
