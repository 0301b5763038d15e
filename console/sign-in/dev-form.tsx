import { submittedTexts } from '../components/submitted-texts.ts';
import type { SignInFormProps } from './sign-in-form.ts';

/** Values of the last sign-in of this tab. */
let last = { user: 'bob', project: 'beta', role: 'member' };

/** Signs in to the local server with a test token. Its parts are free texts. */
export function DevForm({ isBusy, signIn }: SignInFormProps) {
  const submit = (event: SubmitEvent) => {
    const text = submittedTexts(event);
    last = { user: text('user'), project: text('project'), role: text('role') };
    // A header has no letters outside ASCII. The local server decodes the token.
    const token = encodeURI(`dev:${last.user}:${last.project}:${last.role}`);
    const createCommand = `curl ${location.origin}/v2/images -H 'x-auth-token: ${token}' -H 'content-type: application/json' -d '{"name": "golden"}'`;
    void signIn(() => Promise.resolve({ token: () => Promise.resolve(token), createCommand }));
  };
  return (
    <form class="form" onSubmit={submit}>
      <p>
        This test server accepts every name without a password. Sign in as alice of alpha, and as bob of beta in a
        second tab.
      </p>
      <label>
        User{' '}
        <input
          name="user"
          required
          pattern="[^:]+"
          title="A name without colons"
          defaultValue={last.user}
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
          defaultValue={last.project}
          autocomplete="off"
        />
      </label>
      <label>
        Role{' '}
        <select name="role" value={last.role}>
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
