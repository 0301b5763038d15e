import type { HistoryEntry } from '../../domain/history/history-entry.ts';
import type { HistoryRecorder } from '../../domain/repositories/history-repository.ts';
import { historyItems } from '../items/history-item.ts';
import type { ItemKey } from '../keys.ts';
import { putAll } from './put-all.ts';
import type { Table } from '../table.ts';

/** Writes histories of images into the table. */
export class DynamoDbHistoryRecorder implements HistoryRecorder {
  readonly #table: Table;
  readonly #retentionDays: number;

  /** @param retentionDays - time from a change to the end of its entry */
  constructor(table: Table, retentionDays: number) {
    this.#table = table;
    this.#retentionDays = retentionDays;
  }

  async record(entries: readonly HistoryEntry[]): Promise<readonly HistoryEntry[]> {
    const itemsOf = (entry: HistoryEntry) => historyItems(entry, this.#retentionDays);
    const full = await putAll(this.#table, entries.flatMap(itemsOf));
    const isFull = ({ pk, sk }: ItemKey): boolean => full.some((item) => item.pk === pk && item.sk === sk);
    return full.length === 0 ? [] : entries.filter((entry) => itemsOf(entry).some(isFull));
  }
}
