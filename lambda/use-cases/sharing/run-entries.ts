import type { Caller } from '../../domain/caller.ts';
import { notStarted } from '../../domain/errors.ts';
import { assertCallerMayChangeShares } from '../../domain/sharing-rules.ts';
import { forEachAtOnce } from './for-each-at-once.ts';

/** Result of one entry of a bulk request: the value of its use case, or the error that it has thrown. */
export type EntryResult<Value> = { readonly value: Value } | { readonly error: unknown };

/** Maximum number of images whose entries run at the same time. */
const maxConcurrentImages = 16;

/** The entries of a bulk request. */
interface BulkRequest<Entry> {
  readonly entries: readonly Entry[];
  readonly caller: Caller;
  /** Milliseconds since the epoch. From then on no entry starts: its result is the error `not-started`. */
  readonly deadline: number;
}

/**
 * Runs the entries of a bulk request, each on its own: the failure of one does not affect another. Entries of the same
 * image run one after the other, because their writes of the image would conflict; those of other images in parallel.
 *
 * @returns one result per entry, in the order of the entries
 * @throws SharingError `not-permitted` without a project or the role member; no entry has started
 */
export async function runEntries<Entry extends { readonly imageId: string }, Value>(
  { entries, caller, deadline }: BulkRequest<Entry>,
  run: (entry: Entry) => Promise<Value>,
): Promise<readonly EntryResult<Value>[]> {
  assertCallerMayChangeShares(caller);
  const results: EntryResult<Value>[] = entries.map(() => ({ error: notStarted() }));
  const groups = [...Map.groupBy(entries.keys(), (position) => entries[position]?.imageId).values()];
  await forEachAtOnce(groups, maxConcurrentImages, async (group) => {
    for (const position of group) {
      const entry = entries[position];
      if (entry === undefined || Date.now() >= deadline) continue;
      try {
        results[position] = { value: await run(entry) };
      } catch (error) {
        results[position] = { error };
      }
    }
  });
  return results;
}
