import { useState } from 'preact/hooks';
import type { AccessPage, HistoryImageState } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { exactTime } from '../components/format.ts';
import { Id } from '../components/ids.tsx';
import { maxTime, toLocalInput, toUtc } from '../components/local-time.ts';
import { MoreButton } from '../components/more-button.tsx';
import { RowsTable } from '../components/rows-table.tsx';
import { statusNames } from '../components/status-names.ts';
import { submittedTexts } from '../components/submitted-texts.ts';
import { Time } from '../components/time.tsx';
import { loadAccess } from './load-access.ts';

/** Form that asks for a time, and the projects that had access to an image at that time. */
export function AccessSection({ imageId }: { readonly imageId: string }) {
  const { api, notify, run } = useConsole();
  const [access, setAccess] = useState<AccessPage>();
  // The service refuses a time in the future, and the clock of the browser can be ahead.
  const [recent] = useState(() => toLocalInput(new Date(Date.now() - 10_000).toISOString()));
  const load = (localTime: string, earlier?: AccessPage) =>
    run(async () => {
      const at = earlier?.at ?? toUtc(localTime);
      setAccess(await loadAccess((next) => api.showAccess(imageId, at, next), earlier));
      notify(undefined);
    });
  const submit = (event: SubmitEvent) => void load(submittedTexts(event)('at'));
  return (
    <section aria-labelledby="access">
      <h2 id="access">Who had access</h2>
      <p class="hint">Members that were waiting or rejected could also use the image by its id.</p>
      <form class="filter" onSubmit={submit}>
        <label>
          Time, in the time zone of your browser{' '}
          <input type="datetime-local" name="at" step={1} max={maxTime} required defaultValue={recent} />
        </label>
        <button type="submit">Show access</button>
      </form>
      <div role="status">{access && <Summary {...access} />}</div>
      {access && access.members.length > 0 && (
        <RowsTable
          caption="Members at that time"
          columns={[['Member'], ['Status'], ['End']]}
          rows={access.members.map(({ member_id: memberId, status, expires_at: expiresAt }) => ({
            key: memberId,
            header: <Id value={memberId} />,
            cells: [statusNames[status], <Time value={expiresAt} />],
          }))}
        />
      )}
      {access && (
        <MoreButton
          key={access.at}
          next={access.next}
          count={access.members.length}
          noun="member"
          onMore={() => load(access.at, access)}
        />
      )}
    </section>
  );
}

/** Projects that could use an image with a visibility. */
const usersOf: Readonly<Record<HistoryImageState['visibility'], string>> = {
  private: 'its owner only',
  shared: 'its owner and its members',
  community: 'every project',
  public: 'every project',
};

function Summary({ at, image, members, next }: AccessPage) {
  return (
    <p>
      {exactTime(new Date(at))}:{' '}
      {image === null ? (
        'the image did not exist, or was hidden from your project.'
      ) : (
        <>
          the image was {image.visibility} and owned by <Id value={image.owner} />, so {usersOf[image.visibility]} could
          use it.
        </>
      )}
      {members.length === 0 && ` No member was found${next === undefined ? '' : ' yet'}.`}
    </p>
  );
}
