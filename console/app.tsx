import { useEffect, useState } from 'preact/hooks';
import type { PageSettings } from '../lambda/console/page-settings.ts';
import type { Session } from './api/send-request.ts';
import { Progress } from './components/progress.tsx';
import { Console } from './console.tsx';
import { loadSettings } from './load-settings.ts';
import { resumeSession } from './sign-in/resume-session.ts';
import { SignInPage } from './sign-in/sign-in-page.tsx';
import { signedOutText } from './sign-in/signed-out-text.ts';

/** The page: it loads its settings, asks the user to sign in, then shows the console. */
export function App() {
  const [settings, setSettings] = useState<PageSettings>();
  const [session, setSession] = useState<Session>();
  const [message, setMessage] = useState('');
  const [isProblem, setProblem] = useState(true);

  useEffect(() => {
    const start = async () => {
      const loaded = await loadSettings();
      const resumed = await resumeSession(loaded.identity);
      setMessage(resumed.message ?? '');
      setSession(resumed.session);
      setSettings(loaded);
    };
    start().catch((error: unknown) => setMessage((error as Error).message));
  }, []);

  if (settings === undefined) {
    return (
      <main class="page">
        <h1>Image sharing</h1>
        {message === '' ? <Progress label="Loading the page" /> : <p role="alert">{message}</p>}
      </main>
    );
  }
  if (session === undefined) {
    return <SignInPage identity={settings.identity} message={message} isProblem={isProblem} onSignIn={setSession} />;
  }
  return (
    <Console
      session={session}
      onSignOut={(reason) => {
        setMessage(reason || signedOutText(settings.identity));
        setProblem(reason !== '');
        setSession(undefined);
      }}
    />
  );
}
