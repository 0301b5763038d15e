import { useState } from 'preact/hooks';
import type { PageIdentity } from '../../lambda/console/page-settings.ts';
import { Problem } from '../api/problem.ts';
import type { Session } from '../api/send-request.ts';
import { Heading } from '../components/heading.tsx';
import { Progress } from '../components/progress.tsx';
import { ApplicationCredentialForm, PasswordForm } from './keystone-forms.tsx';
import { DevForm } from './dev-form.tsx';
import { issuerHost, type OidcIdentity } from './oidc-client.ts';
import { leaveForIssuer } from './oidc-sign-in.ts';
import type { SignInFormProps } from './sign-in-form.ts';
import { TokenForm } from './token-form.tsx';

export interface SignInPageProps {
  readonly identity: PageIdentity;
  /** Sentence about the end of the previous session or a failed sign-in; empty for none. */
  readonly message: string;
  /** True if the message reports a failure. */
  readonly isProblem: boolean;
  /** Receives the session after a successful sign-in. */
  readonly onSignIn: (session: Session) => void;
}

type Method = 'password' | 'credential' | 'token' | 'redirect';

const methodNames: Readonly<Record<Method, string>> = {
  password: 'User name and password',
  credential: 'Application credential',
  token: 'Token',
  redirect: 'Sign-in service',
};

/** Methods of each identity with a choice, the default first. */
const methodsOf: Readonly<Partial<Record<PageIdentity['kind'], readonly [Method, ...Method[]]>>> = {
  keystone: ['password', 'credential', 'token'],
  oidc: ['redirect', 'token'],
};

/** Method that the user chose last in this tab. */
let chosen: Method | undefined;

/** The page that asks the user to sign in, with the forms of the identity. */
export function SignInPage({ identity, message, isProblem, onSignIn }: SignInPageProps) {
  const methods = methodsOf[identity.kind] ?? [];
  const [method, setMethod] = useState<Method>(chosen ?? methods[0] ?? 'token');
  const [problem, setProblem] = useState(isProblem ? message : '');
  const [isBusy, setBusy] = useState(false);
  const [isTokenFocused, setTokenFocused] = useState(false);
  const choose = (next: Method) => setMethod((chosen = next));

  const signIn: SignInFormProps['signIn'] = async (start) => {
    if (isBusy) return;
    setBusy(true);
    setProblem('');
    try {
      onSignIn(await start());
    } catch (error) {
      setProblem(error instanceof Problem ? error.message : `The page failed: ${String(error)}. Reload the page.`);
      setBusy(false);
    }
  };
  const form = { isBusy, signIn };
  return (
    <main class="page sign-in">
      <Heading title="Sign in">Sign in to image sharing</Heading>
      <div role="status">{!isProblem && message !== '' && <p class="notice">{message}</p>}</div>
      <div role="alert">
        {problem !== '' && (
          <div class="notice problem">
            <p>{problem}</p>
            {methods.length > 0 && method !== 'token' && (
              <button
                type="button"
                onClick={() => {
                  choose('token');
                  setTokenFocused(true);
                }}
              >
                Paste a token instead
              </button>
            )}
          </div>
        )}
      </div>
      {methods.length > 0 && (
        <fieldset class="form">
          <legend>Sign in with</legend>
          {methods.map((each) => (
            <label>
              <input type="radio" name="method" checked={each === method} onChange={() => choose(each)} />{' '}
              {methodNames[each]}
            </label>
          ))}
        </fieldset>
      )}
      {identity.kind === 'none' ? (
        <p>This service has no identity, so it refuses every token. The operator must configure an identity.</p>
      ) : identity.kind === 'dev' ? (
        <DevForm {...form} />
      ) : identity.kind === 'oidc' && method === 'redirect' ? (
        <RedirectForm identity={identity} {...form} />
      ) : identity.kind === 'keystone' && method === 'password' ? (
        <PasswordForm url={identity.url} {...form} />
      ) : identity.kind === 'keystone' && method === 'credential' ? (
        <ApplicationCredentialForm url={identity.url} {...form} />
      ) : (
        <TokenForm identity={identity} isFocused={isTokenFocused} {...form} />
      )}
      <div role="status">{isBusy && <Progress label="Signing in" />}</div>
    </main>
  );
}

/** Leaves the page for an OpenID Connect issuer. */
function RedirectForm({ identity, isBusy, signIn }: SignInFormProps & { readonly identity: OidcIdentity }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void signIn(() => leaveForIssuer(identity, false));
  };
  return (
    <form class="form" onSubmit={submit}>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        Continue to <bdi>{issuerHost(identity)}</bdi>
      </button>
    </form>
  );
}
