import type { Session } from '../api/send-request.ts';
import { submittedTexts } from '../components/submitted-texts.ts';

/** Signs in to the local server with a test token. Its parts are free texts. */
export function DevForm({ onSignIn }: { readonly onSignIn: (session: Session) => void }) {
  const submit = (event: SubmitEvent) => {
    const text = submittedTexts(event);
    const token = `dev:${text('user')}:${text('project')}:${text('role')}`;
    onSignIn({ token: () => Promise.resolve(token) });
  };
  return (
    <form class="form" onSubmit={submit}>
      <p>This is a local test server: it accepts every name, without a password.</p>
      <label>
        User <input name="user" required pattern="[^:]+" defaultValue="bob" autocomplete="off" />
      </label>
      <label>
        Project <input name="project" required pattern="[^:]+" defaultValue="beta" autocomplete="off" />
      </label>
      <label>
        Role{' '}
        <select name="role" defaultValue="member">
          <option>member</option>
          <option>reader</option>
          <option>manager</option>
          <option>admin</option>
        </select>
      </label>
      <button type="submit" class="primary">
        Sign in
      </button>
    </form>
  );
}
