import { useRef } from 'preact/hooks';
import { submittedTexts } from '../components/submitted-texts.ts';
import { requestKeystoneToken, type ApplicationCredential, type PasswordCredentials } from './keystone-token.ts';
import type { SignInFormProps } from './sign-in-form.ts';

interface KeystoneFormProps extends SignInFormProps {
  /** URL of version 3 of the identity API. */
  readonly url: string;
}

/** Signs in to a project with a user name and a password. */
export function PasswordForm(props: KeystoneFormProps) {
  const { secretField, submit } = useKeystone(props, (text, password) => ({
    user: text('user'),
    userDomain: text('user-domain'),
    password,
    project: text('project'),
    projectDomain: text('project-domain'),
  }));
  return (
    <form class="form" onSubmit={submit}>
      <label>
        User <input name="user" required autocomplete="username" />
      </label>
      <label>
        Password <input ref={secretField} name="secret" type="password" required autocomplete="current-password" />
      </label>
      <label>
        Project <input name="project" required autocomplete="off" />
      </label>
      <label>
        Id of the user’s domain <input name="user-domain" required defaultValue="default" autocomplete="off" />
      </label>
      <label>
        Id of the project’s domain <input name="project-domain" required defaultValue="default" autocomplete="off" />
      </label>
      <SubmitButton {...props} />
    </form>
  );
}

/** Signs in with an application credential, which belongs to a project. */
export function ApplicationCredentialForm(props: KeystoneFormProps) {
  const { secretField, submit } = useKeystone(props, (text, secret) => ({ id: text('id'), secret }));
  return (
    <form class="form" onSubmit={submit}>
      <label>
        Id of the credential <input name="id" required autocomplete="username" />
      </label>
      <label>
        Secret <input ref={secretField} name="secret" type="password" required autocomplete="current-password" />
      </label>
      <SubmitButton {...props} />
    </form>
  );
}

function SubmitButton({ url, isBusy }: KeystoneFormProps) {
  return (
    <>
      <p class="hint">
        The page sends this to Keystone at <bdi>{new URL(url).origin}</bdi> only.
      </p>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        Sign in
      </button>
    </>
  );
}

/** Returns the handler of a form, and the reference to its field with the secret, which is emptied after the request. */
function useKeystone(
  { url, signIn }: KeystoneFormProps,
  readCredentials: (text: (name: string) => string, secret: string) => PasswordCredentials | ApplicationCredential,
) {
  const secretField = useRef<HTMLInputElement>(null);
  const submit = async (event: SubmitEvent) => {
    const text = submittedTexts(event);
    // A secret can begin or end with a space.
    const credentials = readCredentials(text, secretField.current?.value ?? '');
    await signIn(async () => {
      try {
        const token = await requestKeystoneToken(url, credentials);
        return { token: () => Promise.resolve(token) };
      } finally {
        if (secretField.current) secretField.current.value = '';
      }
    });
  };
  return { secretField, submit: (event: SubmitEvent) => void submit(event) };
}
