import { z } from 'zod';
import type { AnswerStatus } from './command-line.ts';
import type { FoundImage } from './find-image.ts';
import type { Outcome } from './outcome.ts';
import { UsageError } from '../../usage-error.ts';
import { ApiRefusal, type JsonObject, type Progress, type SharingApi } from './sharing-api.ts';
import { formatTable, neutralize } from './table.ts';

/** Maximum number of entries of one request. */
const maxEntries = 100;

const memberSchema = z.looseObject({
  image_id: z.string(),
  member_id: z.string(),
  status: z.string(),
  expires_at: z.string().nullable(),
});
const resultSchema = z.union([
  z.looseObject({ code: z.number(), error: z.string(), message: z.string() }),
  z.looseObject({ code: z.number(), error: z.undefined().optional(), member: memberSchema.optional() }),
]);
type Result = z.infer<typeof resultSchema>;
const resultsSchema = z.looseObject({ results: z.array(resultSchema) });

/** One change of a membership in a request for several. */
interface Entry {
  /** The image or the project, safe to print. */
  readonly label: string;
  readonly body: JsonObject;
  /** The row of the table for a success without a membership. */
  readonly row: readonly string[];
}

/** Accepts or rejects the offers of images. */
export function answerOffers(
  api: SharingApi,
  status: AnswerStatus,
  images: readonly FoundImage[],
  progress: Progress,
): Promise<Outcome> {
  const entries = images.map(({ id, label }) => ({ label, body: { image_id: id, status }, row: [id, '', status, ''] }));
  return sendEntries(api, 'answers', entries, progress);
}

/** Offers an image to projects, optionally until a time in the format of the API. */
export function offerImage(
  api: SharingApi,
  { id, label }: FoundImage,
  projects: readonly string[],
  until: string | undefined,
  progress: Progress,
): Promise<Outcome> {
  const entries = projects.map((member) => ({
    label: `${label} for ${neutralize(member)}`,
    body: { image_id: id, member_id: member, ...(until !== undefined && { expires_at: until }) },
    row: [id, member, 'pending', until ?? ''],
  }));
  return sendEntries(api, 'offers', entries, progress);
}

/** Ends the memberships of projects. */
export function withdrawOffers(
  api: SharingApi,
  { id, label }: FoundImage,
  projects: readonly string[],
  progress: Progress,
): Promise<Outcome> {
  const entries = projects.map((member) => ({
    label: `${label} for ${neutralize(member)}`,
    body: { image_id: id, member_id: member },
    row: [id, member, 'withdrawn', ''],
  }));
  return sendEntries(api, 'withdrawals', entries, progress);
}

/** Ends the project's own memberships of images, one request for each. The document has the form of the other changes. */
export async function leaveImages(
  api: SharingApi,
  images: readonly FoundImage[],
  progress: Progress,
): Promise<Outcome> {
  const results: JsonObject[] = [];
  const rows: (readonly string[])[] = [];
  const refusals: string[] = [];
  let failure: UsageError | undefined;
  for (const { id, label } of images) {
    if (results.length > 0 && results.length % maxEntries === 0) progress(`${results.length} of ${images.length} …`);
    try {
      await api.send('DELETE', `/sharing/v1/memberships/${id}`);
      results.push({ code: 204 });
      rows.push([id, 'left']);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      if (!(error instanceof ApiRefusal)) {
        failure = error;
        break;
      }
      results.push({ code: error.status, error: error.error, message: error.message });
      refusals.push(`${label} was refused: ${error.message}`);
    }
  }
  return {
    json: documentOf(results, failure),
    text: rows.length === 0 ? '' : formatTable([{ heading: 'IMAGE' }, { heading: 'STATUS' }], rows),
    refusals,
    failure,
  };
}

/** Returns the document of the results, or undefined if the first request failed. */
const documentOf = (results: readonly JsonObject[], failure: Error | undefined): JsonObject | undefined =>
  results.length === 0 && failure !== undefined ? undefined : { results };

/**
 * Sends the entries in requests of at most {@link maxEntries}. Entries that the API did not start, because its time did
 * not suffice, are sent again as long as it starts others.
 */
async function sendEntries(
  api: SharingApi,
  operation: 'answers' | 'offers' | 'withdrawals',
  entries: readonly Entry[],
  progress: Progress,
): Promise<Outcome> {
  const results = new Map<Entry, Result>();
  let failure: UsageError | undefined;
  for (let pending = entries; pending.length > 0;) {
    if (results.size > 0) progress(`${entries.length - pending.length} of ${entries.length} …`);
    const sent = pending.slice(0, maxEntries);
    try {
      const { body } = await api.request(
        'POST',
        `/sharing/v1/${operation}`,
        // Each entry has its result at the same position.
        resultsSchema.refine((document) => document.results.length === sent.length, { path: ['results'] }),
        { [operation]: sent.map((entry) => entry.body) },
      );
      for (const [index, entry] of sent.entries()) results.set(entry, body.results[index]!);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      failure = error;
      break;
    }
    const notStarted = sent.filter((entry) => results.get(entry)?.error === 'not-started');
    pending = [...(notStarted.length < sent.length ? notStarted : []), ...pending.slice(maxEntries)];
  }

  const rows: (readonly string[])[] = [];
  const refusals: string[] = [];
  const ordered = entries.flatMap((entry) => {
    const result = results.get(entry);
    return result === undefined ? [] : [{ entry, result }];
  });
  for (const { entry, result } of ordered) {
    if (result.error !== undefined) {
      const outcome = result.code < 500 ? 'was refused' : 'failed';
      refusals.push(`${entry.label} ${outcome}: ${neutralize(result.message)}`);
    } else {
      const { member } = result;
      rows.push(member ? [member.image_id, member.member_id, member.status, member.expires_at ?? ''] : entry.row);
    }
  }
  const columns = [{ heading: 'IMAGE' }, { heading: 'PROJECT' }, { heading: 'STATUS' }, { heading: 'ENDS' }];
  return {
    json: documentOf(
      ordered.map(({ result }) => result),
      failure,
    ),
    text: rows.length === 0 ? '' : formatTable(columns, rows),
    refusals,
    failure,
  };
}
