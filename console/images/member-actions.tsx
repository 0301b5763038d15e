import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { problemOf } from '../api/problem.ts';
import type { Member, OwnImage } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { exactTime } from '../components/format.ts';
import { HiddenName, Id, ImageName } from '../components/ids.tsx';
import { maxTime, toFutureUtc, toLocalInput } from '../components/local-time.ts';
import { submittedTexts } from '../components/submitted-texts.ts';
import type { ChangeMembers } from './change-members.ts';

interface MemberActionsProps {
  readonly image: OwnImage;
  readonly member: Member;
  readonly change: ChangeMembers;
}

type Task = 'end' | 'withdraw';

/** Buttons that open the form of a task for a member, and the open form. */
export function MemberActions({ image, member, change }: MemberActionsProps) {
  const { api, isBusy } = useConsole();
  const [task, setTask] = useState<Task>();
  const opener = useRef<HTMLButtonElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const { image_id, member_id, expires_at: end } = member;
  useLayoutEffect(() => form.current?.querySelector<HTMLElement>('p, input')?.focus(), [task]);

  const perform = async (action: () => Promise<string>) => {
    if (await change(async () => ({ text: await action() }))) setTask(undefined);
  };
  const withdraw = async () => {
    const [{ code, error, message } = { code: 500 }] = await api.withdraw([{ image_id, member_id }]);
    // Another client has withdrawn the offer, or the project has left.
    if (error === 'member-not-found') return `${member_id} was no longer a member.`;
    if (code !== 204) throw problemOf({ status: code, error, message }, true);
    return `Withdrawn from ${member_id}. To undo this, offer the image again.`;
  };
  const setEnd = async (newEnd: string | null) => {
    await api.setExpiry(member, newEnd);
    return `The membership of ${member_id} ${newEnd === null ? 'has no end' : `ends ${exactTime(new Date(newEnd))}`}.`;
  };
  const submit = (event: SubmitEvent) => {
    const text = submittedTexts(event);
    void perform(() => (task === 'end' ? setEnd(toFutureUtc(text('end'))) : withdraw()));
  };
  const cancel = () => {
    setTask(undefined);
    opener.current?.focus();
  };
  const openButton = (kind: Task, label: string, preposition: string) => (
    <button
      type="button"
      aria-expanded={task === kind}
      onClick={({ currentTarget }) => {
        opener.current = currentTarget;
        setTask(task === kind ? undefined : kind);
      }}
    >
      {label}
      <HiddenName phrase={preposition} name={member_id} />
    </button>
  );
  return (
    <>
      {openButton('end', 'Change end', 'of')}
      {openButton('withdraw', 'Withdraw', 'from')}
      {task && (
        <form ref={form} class="filter" onSubmit={submit}>
          {task === 'end' ? (
            <label>
              End, in the time zone of your browser
              <input
                type="datetime-local"
                name="end"
                max={maxTime}
                required
                defaultValue={end === null ? '' : toLocalInput(end)}
              />
            </label>
          ) : (
            <p tabIndex={-1}>
              Withdraw <ImageName image={image} /> from <Id value={member_id} />? It loses access now.
            </p>
          )}
          <button type="submit" aria-disabled={isBusy}>
            {task === 'end' ? 'Save' : 'Withdraw now'}
          </button>
          {task === 'end' && end !== null && (
            <button type="button" aria-disabled={isBusy} onClick={() => void perform(() => setEnd(null))}>
              Remove end
            </button>
          )}
          <button type="button" onClick={cancel}>
            {task === 'end' ? 'Cancel' : 'Keep'}
          </button>
        </form>
      )}
    </>
  );
}
