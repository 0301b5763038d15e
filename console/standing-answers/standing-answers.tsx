import type { StandingAnswer } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { focusAfterAction, Heading } from '../components/heading.tsx';
import { HiddenName, Id, joinGroups } from '../components/ids.tsx';
import { ListState } from '../components/list-state.tsx';
import { RowsTable } from '../components/rows-table.tsx';
import { statusNames } from '../components/status-names.ts';
import { submittedTexts } from '../components/submitted-texts.ts';
import { Time } from '../components/time.tsx';
import { useList } from '../components/use-list.ts';

type StandingStatus = StandingAnswer['status'];

/** The standing answers of the project. The user adds, changes and removes them, and can undo each change. */
export function StandingAnswers() {
  const { api, project, canChange, isBusy, notify, invalidate, run } = useConsole();
  const { list, problem } = useList<StandingAnswer>(
    async () => ({ items: await api.listStandingAnswers(), next: undefined }),
    ({ owner }) => owner,
    [],
  );
  const answers = list?.items ?? [];

  /** Sets or removes a standing answer, and reports the result. @param status - undefined to remove it */
  const change = async (owner: string, status: StandingStatus | undefined, canUndo: boolean) => {
    // The list can be old, or not be loaded yet.
    const before = (await api.listStandingAnswers()).find((answer) => answer.owner === owner)?.status;
    try {
      await (status === undefined ? api.removeStandingAnswer(owner) : api.setStandingAnswer(owner, status));
    } finally {
      invalidate();
    }
    notify({
      text: `Later offers of ${owner} ${status === undefined ? 'wait for an answer' : `arrive ${status}`}.`,
      undo: canUndo && before !== status ? () => change(owner, before, false) : undefined,
    });
    // The button of the action is removed.
    if (status === undefined || !canUndo) focusAfterAction();
  };
  const add = (event: SubmitEvent) => {
    const text = submittedTexts(event);
    const form = event.currentTarget as HTMLFormElement;
    void run(async () => {
      await change(joinGroups(text('owner')), text('status') as StandingStatus, true);
      form.reset();
    });
  };

  return (
    <>
      <Heading title="Standing answers">Standing answers</Heading>
      <p class="hint">
        With a standing answer, later offers of an owner arrive accepted or rejected. Offers that exist do not change.
      </p>
      {project?.role === 'reader' && (
        <p class="hint">
          Your role is reader: you can see the standing answers; to change them requires the role member.
        </p>
      )}
      {canChange && (
        <form class="filter" aria-label="Add a standing answer" onSubmit={add}>
          <label>
            Owner (project id){' '}
            <input
              name="owner"
              required
              maxLength={255}
              pattern="(?!\.{1,2}$)[^\/?]+"
              title="An id has no / and no ?"
              autocomplete="off"
            />
          </label>
          <label>
            Later offers arrive{' '}
            <select name="status">
              <option value="accepted">Accepted</option>
              <option value="rejected">Rejected</option>
            </select>
          </label>
          <button type="submit" aria-disabled={isBusy}>
            Add
          </button>
        </form>
      )}
      <ListState {...{ list, problem }} noun="standing answers">
        {answers.length === 0 ? (
          <p class="empty">Your project has no standing answer.</p>
        ) : (
          <RowsTable
            caption="Standing answers by owner"
            columns={[['Owner'], ['Later offers arrive'], ['Since'], ...(canChange ? ([['Actions']] as const) : [])]}
            rows={answers.map(({ owner, status, updated_at: updatedAt }) => {
              const isAccepted = status === 'accepted';
              const button = (label: string, object: string, changed: StandingStatus | undefined) => (
                <button
                  type="button"
                  aria-disabled={isBusy}
                  onClick={() => void run(() => change(owner, changed, true))}
                >
                  {label}
                  <HiddenName phrase={object} name={owner} />
                </button>
              );
              const buttons = (
                <>
                  {isAccepted
                    ? button('Reject', 'later offers of', 'rejected')
                    : button('Accept', 'later offers of', 'accepted')}
                  {button('Remove', 'the standing answer for', undefined)}
                </>
              );
              return {
                key: owner,
                header: <Id value={owner} />,
                cells: [statusNames[status], <Time value={updatedAt} />, ...(canChange ? [buttons] : [])],
              };
            })}
          />
        )}
      </ListState>
    </>
  );
}
