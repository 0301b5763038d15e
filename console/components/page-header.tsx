import type { MemberStatus } from '../api/types.ts';
import { hrefOf, type Route } from '../route.ts';
import { useConsole } from './console-context.ts';
import { formatCount } from './format.ts';
import { Id } from './ids.tsx';

export interface PageHeaderProps {
  readonly route: Route;
  readonly onSignOut: () => void;
}

/** The header of the page: the views, and the project and user of the token. */
export function PageHeader({ route, onSignOut }: PageHeaderProps) {
  const { project } = useConsole();
  const links: readonly (readonly [Route, string])[] = [
    [{ view: 'inbox', status: 'pending' }, 'Inbox'],
    [{ view: 'images' }, 'My images'],
    [{ view: 'standing-answers' }, 'Standing answers'],
  ];
  return (
    <header class="page-header">
      <p class="product">Image sharing</p>
      <nav aria-label="Views">
        {links.map(([target, label]) => (
          <a href={hrefOf(target)} aria-current={target.view === route.view ? 'page' : undefined}>
            {label}
            {target.view === 'inbox' && <Count status="pending" />}
          </a>
        ))}
      </nav>
      <div class="account">
        <p>
          Project <span class="project">{project ? <Id value={project.project_id} /> : '…'}</span>
        </p>
        <p>
          {project ? (
            <>
              <bdi>{project.user_id}</bdi>, {project.role}
            </>
          ) : (
            '…'
          )}
        </p>
        <button type="button" class="quiet" onClick={onSignOut}>
          Sign out
        </button>
      </div>
    </header>
  );
}

/** The number of offers with a status. Its place is reserved before the number is loaded. */
export function Count({ status }: { readonly status: MemberStatus }) {
  const { project } = useConsole();
  return <span class="count">{project && formatCount(project.offers[status], project.at_least.includes(status))}</span>;
}
