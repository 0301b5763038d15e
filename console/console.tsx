import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Problem } from './api/problem.ts';
import { createSharingApi } from './api/sharing-api.ts';
import type { Session } from './api/send-request.ts';
import type { Project } from './api/types.ts';
import { ConsoleContext, type ConsoleState, type Notice } from './components/console-context.ts';
import { focusHeading, startAction } from './components/heading.tsx';
import { NoticeArea } from './components/notice-area.tsx';
import { PageHeader } from './components/page-header.tsx';
import { Progress, WaitingArea } from './components/progress.tsx';
import { ImageHistory } from './history/image-history.tsx';
import { OwnImages } from './images/own-images.tsx';
import { noFilter } from './inbox/filter-form.tsx';
import { Inbox } from './inbox/inbox.tsx';
import { hrefOf, useRoute } from './route.ts';
import { StandingAnswers } from './standing-answers/standing-answers.tsx';

export interface ConsoleProps {
  readonly session: Session;
  /** Ends the session. @param reason - sentence for the sign-in page; empty if the user signed out */
  readonly onSignOut: (reason: string) => void;
}

/** Time between two readings of the numbers of offers. */
const refreshMilliseconds = 60_000;

/** The page of a signed-in user: the navigation, the message about the last action, and the view that the address names. */
export function Console({ session, onSignOut }: ConsoleProps) {
  const hasEnded = useRef(false);
  const api = useMemo(() => createSharingApi(session, () => hasEnded.current), [session]);
  const route = useRoute();
  const href = hrefOf(route);
  const [project, setProject] = useState<Project>();
  const [notice, notify] = useState<Notice>();
  const [revision, setRevision] = useState(0);
  const [filter, setFilter] = useState(noFilter);
  const [isBusy, setBusy] = useState(false);
  const [loads, setLoads] = useState(0);
  const busy = useRef(false);

  const report: ConsoleState['report'] = (error, repeat = {}) => {
    if (!(error instanceof Problem)) {
      notify({ text: `The page failed: ${String(error)}. Reload the page.`, isProblem: true });
      return;
    }
    if (error.kind === 'signed-out') {
      onSignOut(error.message);
      return;
    }
    const { retry, undo } = repeat;
    notify({ text: error.message, isProblem: true, retry, undo: error.kind === 'temporary' ? undo : undefined });
    if (error.kind === 'outcome-unknown') invalidate();
    // The role has changed, unless the project cannot be read at all.
    if (error.kind === 'not-permitted' && project) refreshProject();
  };
  const run: ConsoleState['run'] = async (action, undo) => {
    // Not the state: a second click can arrive before the next rendering.
    if (busy.current) return undefined;
    busy.current = true;
    setBusy(true);
    startAction();
    // A failure that occurs again is announced again.
    notify((current) => (current?.isProblem && !current.undo ? undefined : current));
    try {
      return await action();
    } catch (error) {
      report(error, { undo });
      return undefined;
    } finally {
      busy.current = false;
      setBusy(false);
    }
  };
  const load: ConsoleState['load'] = async (reading) => {
    setLoads((count) => count + 1);
    try {
      return await reading;
    } finally {
      setLoads((count) => count - 1);
    }
  };
  /** Number of the newest reading: the response to an older one is ignored. */
  const newestReading = useRef(0);
  // Not the state: the timer has the functions of the first rendering.
  const hasProject = useRef(false);
  const refreshProject = () => {
    const reading = ++newestReading.current;
    api.showProject().then(
      (current) => {
        if (reading !== newestReading.current) return;
        hasProject.current = true;
        setProject(current);
      },
      (error: unknown) => {
        if (reading !== newestReading.current) return;
        // The next reading replaces old numbers. Only the first one is indispensable.
        if (!hasProject.current) report(error, { retry: retryFirstReading });
        else if (error instanceof Problem && error.kind === 'signed-out') report(error);
      },
    );
  };
  const retryFirstReading = () => {
    notify(undefined);
    invalidate();
  };
  const invalidate = () => {
    setRevision((current) => current + 1);
    refreshProject();
  };

  useEffect(() => {
    refreshProject();
    const refresh = () => {
      if (document.visibilityState === 'visible') refreshProject();
    };
    const timer = setInterval(refresh, refreshMilliseconds);
    document.addEventListener('visibilitychange', refresh);
    return () => {
      hasEnded.current = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refresh);
    };
  }, [api]);

  const isFirstView = useRef(true);
  useEffect(() => {
    // The first view is where reading begins anyway.
    if (!isFirstView.current) {
      notify(undefined);
      refreshProject();
      focusHeading();
    }
    isFirstView.current = false;
  }, [href]);

  const canChange = project !== undefined && project.role !== 'reader';
  const state: ConsoleState = {
    ...{ api, project, canChange, revision, notice, isBusy, isWaiting: isBusy || loads > 0 },
    ...{ notify, report, invalidate, refreshProject, run, load },
  };
  // The views load meanwhile. A header that grows would move them.
  const hasStarted = useRef(false);
  hasStarted.current ||= project !== undefined || notice !== undefined;
  return (
    <ConsoleContext.Provider value={state}>
      {!hasStarted.current && (
        <main class="page">
          <Progress label="Loading your project" />
        </main>
      )}
      <div hidden={!hasStarted.current}>
        <a class="skip" href="#main" onClick={skipToHeading}>
          Skip to the content
        </a>
        <PageHeader route={route} onSignOut={() => onSignOut('')} />
        <main id="main" class="page">
          <NoticeArea />
          {route.view === 'inbox' && (
            <Inbox key={route.status} status={route.status} filter={filter} onFilter={setFilter} />
          )}
          {route.view === 'images' && <OwnImages />}
          {route.view === 'history' && <ImageHistory key={route.imageId} imageId={route.imageId} />}
          {route.view === 'standing-answers' && <StandingAnswers />}
        </main>
        <WaitingArea />
      </div>
    </ConsoleContext.Provider>
  );
}

/** Moves the focus without a change of the fragment, which names the view. */
function skipToHeading(event: MouseEvent): void {
  event.preventDefault();
  focusHeading();
}
