import { z } from 'zod';
import type { FoundImage } from './find-image.ts';
import type { Outcome } from './outcome.ts';
import type { SharingApi } from './sharing-api.ts';
import { formatTable } from './table.ts';

const membersSchema = z.looseObject({
  members: z.array(
    z.looseObject({
      member_id: z.string(),
      status: z.string(),
      created_at: z.string(),
      updated_at: z.string().nullable(),
      expires_at: z.string().nullable(),
    }),
  ),
});

/** Lists the members of an image of the project. */
export async function listMembers(api: SharingApi, { id }: FoundImage): Promise<Outcome> {
  const { body, json } = await api.request('GET', `/sharing/v1/images/${id}/members`, membersSchema);
  const columns = ['PROJECT', 'STATUS', 'OFFERED', 'CHANGED', 'ENDS'].map((heading) => ({ heading }));
  const rows = body.members.map(({ member_id, status, created_at, updated_at, expires_at }) => [
    member_id,
    status,
    created_at,
    updated_at ?? '',
    expires_at ?? '',
  ]);
  return { json, text: rows.length === 0 ? 'No members.' : formatTable(columns, rows) };
}
