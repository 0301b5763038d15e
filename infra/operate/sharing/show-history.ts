import { z } from 'zod';
import type { FoundImage } from './find-image.ts';
import type { Outcome } from './outcome.ts';
import { incompleteNote, type Progress, type SharingApi } from './sharing-api.ts';
import { formatTable, neutralize } from './table.ts';

const membershipState = z.looseObject({ status: z.string(), expires_at: z.string().nullable() });
const imageState = z.looseObject({ visibility: z.string(), owner: z.string().nullable() });
const anyEntry = {
  time: z.string(),
  by: z.looseObject({ project_id: z.string().nullable(), user_id: z.string().nullable(), via: z.string() }),
};
const entrySchema = z.discriminatedUnion('kind', [
  z.looseObject({
    ...anyEntry,
    kind: z.literal('membership'),
    member_id: z.string(),
    before: membershipState.nullable(),
    after: membershipState.nullable(),
  }),
  z.looseObject({
    ...anyEntry,
    kind: z.literal('image'),
    before: imageState.nullable(),
    after: imageState.nullable(),
  }),
]);
const nextSchema = z.string().optional();
const historyPage = z
  .looseObject({ history: z.array(entrySchema), next: nextSchema })
  .transform(({ history, next }) => ({ items: history, next }));
const accessPage = z
  .looseObject({
    at: z.string(),
    image: imageState.nullable(),
    members: z.array(z.looseObject({ member_id: z.string(), status: z.string(), expires_at: z.string().nullable() })),
    next: nextSchema,
  })
  .transform(({ at, image, members, next }) => ({ at, image, items: members, next }));

const pathOf = (image: FoundImage): string => `/sharing/v1/images/${image.id}/history`;
const historyList = (image: FoundImage) => ({ path: pathOf(image), key: 'history', page: historyPage });
const accessList = (image: FoundImage) => ({ path: pathOf(image), key: 'members', page: accessPage });

interface HistoryQuery {
  /** The only project whose entries are shown; undefined for all. */
  readonly member: string | undefined;
  readonly limit: number | undefined;
}

/** Lists the changes of an image's memberships, visibility and owner, newest first. */
export async function showHistory(
  api: SharingApi,
  image: FoundImage,
  { member, limit }: HistoryQuery,
  progress: Progress,
): Promise<Outcome> {
  const query = { member_id: member };
  const { items, json, hasMore } = await api.list(historyList(image), query, { limit, progress });
  const columns = [
    { heading: 'TIME' },
    { heading: 'MEMBER' },
    { heading: 'CHANGE', maxWidth: 100 },
    { heading: 'BY', maxWidth: 80 },
    { heading: 'VIA' },
  ];
  const rows = items.map((entry) => [
    entry.time,
    entry.kind === 'membership' ? entry.member_id : '',
    changeOf(entry),
    entry.by.user_id === null ? (entry.by.project_id ?? '') : `${entry.by.project_id ?? ''} (${entry.by.user_id})`,
    entry.by.via,
  ]);
  return {
    json,
    text: items.length === 0 ? 'No changes.' : formatTable(columns, rows),
    note: incompleteNote(items.length, hasMore),
  };
}

/** Lists the projects that had access to an image at a time in the format of the API. */
export async function showAccess(
  api: SharingApi,
  image: FoundImage,
  { at, member, limit }: HistoryQuery & { readonly at: string },
  progress: Progress,
): Promise<Outcome> {
  const query = { at, member_id: member };
  const { items, firstPage, json, hasMore } = await api.list(accessList(image), query, {
    limit,
    progress,
  });
  const columns = [{ heading: 'MEMBER' }, { heading: 'STATUS' }, { heading: 'ENDS' }];
  const rows = items.map(({ member_id, status, expires_at }) => [member_id, status, expires_at ?? '']);
  const state = firstPage.image;
  const title =
    state === null
      ? `At ${neutralize(firstPage.at)} the image did not exist.`
      : `At ${neutralize(firstPage.at)} the image was ${neutralize(state.visibility)}, owner ${neutralize(state.owner ?? 'unknown')}.`;
  return {
    json,
    text: [title, rows.length === 0 ? 'No members.' : formatTable(columns, rows)].join('\n\n'),
    note: incompleteNote(items.length, hasMore),
  };
}

function changeOf(entry: z.infer<typeof entrySchema>): string {
  if (entry.kind === 'membership') {
    return [entry.before, entry.after]
      .map((state) => {
        if (state === null) return 'none';
        return state.expires_at === null ? state.status : `${state.status} until ${state.expires_at}`;
      })
      .join(' → ');
  }
  const { before, after } = entry;
  // The owner is of interest if it changes or the image begins or ends.
  const hasOwner = before?.owner !== after?.owner;
  return [before, after]
    .map((state) => {
      if (state === null) return 'none';
      return hasOwner ? `${state.visibility}, owner ${state.owner ?? 'unknown'}` : state.visibility;
    })
    .join(' → ');
}
