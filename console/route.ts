import { useEffect, useState } from 'preact/hooks';
import { memberStatuses, type MemberStatus } from './api/types.ts';

/** A view of the console. */
export type Route =
  | { readonly view: 'inbox'; readonly status: MemberStatus }
  | { readonly view: 'images' }
  | { readonly view: 'history'; readonly imageId: string }
  | { readonly view: 'standing-answers' };

const inboxHashes: Readonly<Record<MemberStatus, string>> = {
  pending: '#waiting',
  accepted: '#accepted',
  rejected: '#rejected',
};

/** Returns the link to a view. */
export function hrefOf(route: Route): string {
  if (route.view === 'inbox') return inboxHashes[route.status];
  if (route.view === 'history') return `#history/${encodeURIComponent(route.imageId)}`;
  return `#${route.view}`;
}

/** Parses the fragment of the address. An unknown one is the inbox with the waiting offers. */
export function parseRoute(hash: string): Route {
  const [, imageId] = /^#history\/([0-9a-f-]{36})$/i.exec(hash) ?? [];
  if (imageId !== undefined) return { view: 'history', imageId: imageId.toLowerCase() };
  if (hash === '#images' || hash === '#standing-answers')
    return { view: hash === '#images' ? 'images' : 'standing-answers' };
  return { view: 'inbox', status: memberStatuses.find((status) => inboxHashes[status] === hash) ?? 'pending' };
}

/** Returns the view that the address names, also after the address changes. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const update = () => setHash(location.hash);
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  const route = parseRoute(hash);
  const href = hrefOf(route);
  useEffect(() => {
    // An address without a view must not stay.
    if (hash && hash !== href) history.replaceState(null, '', href);
  }, [hash]);
  return route;
}
