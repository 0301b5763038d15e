import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { onMissing, Problem } from '../api/problem.ts';
import type { Member, OwnImage } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { focusAfterAction, focusHeading } from '../components/heading.tsx';
import { Id, ImageName, quotedName } from '../components/ids.tsx';
import { ListState } from '../components/list-state.tsx';
import { NoticeArea } from '../components/notice-area.tsx';
import { WaitingArea } from '../components/progress.tsx';
import { RowsTable } from '../components/rows-table.tsx';
import { statusNames } from '../components/status-names.ts';
import { Time } from '../components/time.tsx';
import { useList } from '../components/use-list.ts';
import type { ChangeMembers } from './change-members.ts';
import { MemberActions } from './member-actions.tsx';
import { countMembers, describeCounts } from './member-counts.ts';
import { OfferForm } from './offer-form.tsx';

interface MembersDialogProps {
  readonly image: OwnImage;
  readonly onClose: () => void;
}

/**
 * Modal dialog with the members of an image. Everything outside is inert, so it shows and announces the messages about
 * actions itself.
 */
export function MembersDialog({ image, onClose }: MembersDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    focusHeading();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="members" onClose={onClose}>
      <div class="page">
        <button type="button" class="close" onClick={() => dialog.current?.close()}>
          Close
        </button>
        <h2 id="members" tabIndex={-1}>
          Members of <ImageName image={image} />
        </h2>
        <p class="hint">
          <Id value={image.id} />
        </p>
        <NoticeArea />
        {image.visibility === 'shared' ? (
          <Members {...{ image, dialog }} />
        ) : (
          <p>
            This image is {image.visibility}. Only a shared image can be offered to projects. To share it, run{' '}
            <code>openstack image set --shared {image.id}</code>
          </p>
        )}
      </div>
      <WaitingArea />
    </dialog>
  );
}

interface MembersProps {
  readonly image: OwnImage;
  /** Without an element after the dialog is closed, possibly before the response to an action. */
  readonly dialog: RefObject<HTMLDialogElement | null>;
}

function Members({ image, dialog }: MembersProps) {
  const { api, canChange, run, notify, invalidate } = useConsole();
  const [isDeleted, setDeleted] = useState(false);
  const noteDeletion = (): Member[] => {
    if (dialog.current && !isDeleted) {
      notify({ text: 'This image was deleted meanwhile.', isProblem: true });
      setDeleted(true);
      invalidate();
    }
    return [];
  };
  const { list, problem } = useList<Member>(
    async () => ({ items: await api.listMembers(image.id).catch(onMissing(noteDeletion)), next: undefined }),
    ({ member_id: memberId }) => memberId,
    [],
  );
  const members = (list?.items ?? []).toSorted((one, other) => (one.member_id < other.member_id ? -1 : 1));

  const change: ChangeMembers = (action) =>
    run(async () => {
      const place = (text: string) => (dialog.current ? text : `${quotedName(image)}: ${text}`);
      try {
        const notice = await action();
        notify({ ...notice, text: place(notice.text) });
        if (dialog.current) focusAfterAction();
        return true;
      } catch (error) {
        throw error instanceof Problem ? new Problem(error.kind, place(error.message)) : error;
      } finally {
        // Also after a failure: it can mean that the lists are old.
        invalidate();
      }
    });
  if (isDeleted) return null;

  return (
    <>
      {canChange ? (
        <OfferForm {...{ image, change }} />
      ) : (
        <p class="hint">Your role is reader: to offer or withdraw requires the role member.</p>
      )}
      <ListState {...{ list, problem }} noun="members">
        <p>Members: {describeCounts(countMembers(members))}</p>
        {members.length > 0 && (
          <RowsTable
            caption="Members by id"
            columns={canChange ? [...columns, ['Actions', 'wide']] : columns}
            rows={members.map((member) => ({
              key: member.member_id,
              header: <Id value={member.member_id} />,
              cells: [
                statusNames[member.status],
                <Time value={member.created_at} />,
                <Time value={member.updated_at} />,
                <Time value={member.expires_at} />,
                ...(canChange ? [<MemberActions {...{ image, member, change }} />] : []),
              ],
            }))}
          />
        )}
      </ListState>
    </>
  );
}

const columns = [
  ['Project'],
  ['Status', 'short'],
  ['Offered', 'medium'],
  ['Last change', 'medium'],
  ['End', 'medium'],
] as const;
