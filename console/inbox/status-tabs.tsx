import { memberStatuses, type MemberStatus } from '../api/types.ts';
import { Count } from '../components/page-header.tsx';
import { statusNames } from '../components/status-names.ts';
import { hrefOf } from '../route.ts';

/** Links to the offers of each status, with their numbers. */
export function StatusTabs({ current }: { readonly current: MemberStatus }) {
  return (
    <nav class="tabs" aria-label="Offers by status">
      {memberStatuses.map((status) => (
        <a href={hrefOf({ view: 'inbox', status })} aria-current={status === current ? 'page' : undefined}>
          {statusNames[status]} <Count status={status} />
        </a>
      ))}
    </nav>
  );
}
