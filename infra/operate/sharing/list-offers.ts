import { z } from 'zod';
import type { SharingCommand } from './command-line.ts';
import type { Outcome } from './outcome.ts';
import { incompleteNote, type Progress, type SharingApi } from './sharing-api.ts';
import { formatTable } from './table.ts';

const offerSchema = z.looseObject({
  status: z.string(),
  offered_at: z.string(),
  expires_at: z.string().nullable(),
  image: z.looseObject({ id: z.string(), name: z.string().nullish(), owner: z.string().nullish() }),
});
const list = {
  path: '/sharing/v1/offers',
  key: 'offers',
  page: z
    .looseObject({ offers: z.array(offerSchema), next: z.string().optional() })
    .transform(({ offers, next }) => ({ items: offers, next })),
};

/** Lists the images that were offered to the project. */
export async function listOffers(
  api: SharingApi,
  { status, owner, namePrefix, limit }: Extract<SharingCommand, { name: 'list-offers' }>,
  progress: Progress,
): Promise<Outcome> {
  const query = { status, owner, name_prefix: namePrefix };
  const { items, json, hasMore } = await api.list(list, query, { limit, progress });
  const columns = [
    { heading: 'IMAGE' },
    { heading: 'NAME', maxWidth: 40 },
    { heading: 'OWNER' },
    { heading: 'STATUS' },
    { heading: 'OFFERED' },
    { heading: 'ENDS' },
  ];
  const rows = items.map(({ image, status, offered_at, expires_at }) => [
    image.id,
    image.name ?? '',
    image.owner ?? '',
    status,
    offered_at,
    expires_at ?? '',
  ]);
  return {
    json,
    text: items.length === 0 ? 'No offers.' : formatTable(columns, rows),
    note: incompleteNote(items.length, hasMore),
  };
}
