import type { PageIdentity } from '../../lambda/console/page-settings.ts';
import type { Session } from '../api/send-request.ts';
import { Heading } from '../components/heading.tsx';
import { DevForm } from './dev-form.tsx';

export interface SignInPageProps {
  readonly identity: PageIdentity;
  /** Sentence about the end of the previous session or a failed sign-in; empty for none. */
  readonly message: string;
  /** Receives the session after a successful sign-in. */
  readonly onSignIn: (session: Session) => void;
}

/** The page that asks the user to sign in, with the form of the identity. */
export function SignInPage({ identity, message, onSignIn }: SignInPageProps) {
  return (
    <main class="page sign-in">
      <Heading title="Sign in">Sign in to image sharing</Heading>
      {message !== '' && (
        <p class="notice problem" role="alert">
          {message}
        </p>
      )}
      {identity.kind === 'dev' && <DevForm onSignIn={onSignIn} />}
    </main>
  );
}
