import type { HistoryEntry } from '../api/types.ts';
import { Id } from '../components/ids.tsx';
import { RowsTable } from '../components/rows-table.tsx';
import { Time } from '../components/time.tsx';
import { describeChange } from './describe-change.ts';

/** Table of changes of access to an image. */
export function ChangeTable({ entries }: { readonly entries: readonly HistoryEntry[] }) {
  return (
    <RowsTable
      caption="Changes, newest first"
      columns={[['Change'], ['Project'], ['Time'], ['By']]}
      rows={entries.map((entry) => ({
        key: entry.id,
        header: <Change {...entry} />,
        cells: [
          entry.kind === 'image' ? '–' : <Id value={entry.member_id} />,
          <Time value={entry.time} />,
          <Actor {...entry.by} />,
        ],
      }))}
    />
  );
}

function Change(entry: HistoryEntry) {
  const { kind, before, after } = entry;
  return (
    <>
      {describeChange(entry)}
      {kind === 'image' && before && after && before.owner !== after.owner && (
        <small>
          from <Id value={before.owner} /> to <Id value={after.owner} />
        </small>
      )}
    </>
  );
}

function Actor({ project_id: projectId, user_id: userId, via }: HistoryEntry['by']) {
  if (via === 'expiry') return <>the service</>;
  return (
    <>
      <Id value={projectId} />{' '}
      <small>
        <bdi>{userId}</bdi> {via === 'command' && 'with a command'}
      </small>
    </>
  );
}
