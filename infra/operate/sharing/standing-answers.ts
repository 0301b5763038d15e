import { z } from 'zod';
import type { AnswerStatus } from './command-line.ts';
import type { Outcome } from './outcome.ts';
import type { SharingApi } from './sharing-api.ts';
import { formatTable, neutralize } from './table.ts';

const standingAnswerSchema = z.looseObject({
  owner: z.string(),
  status: z.string(),
  created_at: z.string(),
  updated_at: z.string().nullable(),
});

const pathOf = (owner: string): string => `/sharing/v1/standing-answers/${encodeURIComponent(owner)}`;

/** Lists the project's standing answers. */
export async function listStandingAnswers(api: SharingApi): Promise<Outcome> {
  const schema = z.looseObject({ standing_answers: z.array(standingAnswerSchema) });
  const { body, json } = await api.request('GET', '/sharing/v1/standing-answers', schema);
  const columns = [{ heading: 'OWNER' }, { heading: 'FUTURE OFFERS' }, { heading: 'SINCE' }];
  const rows = body.standing_answers.map(({ owner, status, created_at, updated_at }) => [
    owner,
    status,
    updated_at ?? created_at,
  ]);
  return { json, text: rows.length === 0 ? 'No standing answers.' : formatTable(columns, rows) };
}

/** Sets the project's standing answer to offers of an owner. Offers that exist do not change. */
export async function setStandingAnswer(api: SharingApi, owner: string, status: AnswerStatus): Promise<Outcome> {
  const { body, json } = await api.request('PUT', pathOf(owner), standingAnswerSchema, { status });
  return { json, text: `Future offers of ${neutralize(body.owner)} arrive as ${neutralize(body.status)}.` };
}

/** Deletes the project's standing answer to offers of an owner. */
export async function deleteStandingAnswer(api: SharingApi, owner: string): Promise<Outcome> {
  await api.send('DELETE', pathOf(owner));
  return { json: undefined, text: `Future offers of ${neutralize(owner)} arrive as pending.` };
}
