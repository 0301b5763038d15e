import { submittedTexts } from '../components/submitted-texts.ts';
import type { SignInFormProps } from './sign-in-form.ts';

/** Signs in to the local server with a test token. Its parts are free texts. */
export function DevForm({ isBusy, signIn }: SignInFormProps) {
  const submit = (event: SubmitEvent) => {
    const text = submittedTexts(event);
    // A header has no letters outside ASCII. The local server decodes the token.
    const token = encodeURI(`dev:${text('user')}:${text('project')}:${text('role')}`);
    void signIn(() => Promise.resolve({ token: () => Promise.resolve(token) }));
  };
  return (
    <form class="form" onSubmit={submit}>
      <p>
        This is a local test server: it accepts every name, without a password. Each tab has its own sign-in: to try
        both projects, sign in as alice of project alpha in a second tab.
      </p>
      <label>
        User{' '}
        <input
          name="user"
          required
          pattern="[^:]+"
          title="A name without colons"
          defaultValue="bob"
          autocomplete="off"
        />
      </label>
      <label>
        Project{' '}
        <input
          name="project"
          required
          pattern="[^:]+"
          title="A name without colons"
          defaultValue="beta"
          autocomplete="off"
        />
      </label>
      <label>
        Role{' '}
        <select name="role">
          <option>member</option>
          <option>reader</option>
          <option>manager</option>
          <option>admin</option>
        </select>
      </label>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        Sign in
      </button>
    </form>
  );
}
