/** Consecutive polls without a record, after which the stream is probed: seconds, at the pace of an idle stream. */
const pollsPerProbe = 20;

/**
 * Detects that a reader of a stream stands still. After every `pollsPerProbe` polls in a row that gave no record it probes
 * the stream for a record after the reader's position; a record that an earlier probe found, and that the reader has not
 * given since, is one that it does not find by itself.
 */
export class StreamProgress {
  readonly #probe: () => Promise<string | undefined>;
  #emptyPolls = 0;
  #missed: string | undefined;

  /** @param probe - returns the sequence number of a record after the reader's position, found without the reader */
  constructor(probe: () => Promise<string | undefined>) {
    this.#probe = probe;
  }

  /**
   * Counts a poll.
   *
   * @returns the sequence number of a record that the last `pollsPerProbe` polls have missed, once for each of their series
   */
  async afterPoll(recordCount: number): Promise<string | undefined> {
    if (recordCount > 0) {
      [this.#emptyPolls, this.#missed] = [0, undefined];
      return undefined;
    }
    this.#emptyPolls += 1;
    if (this.#emptyPolls % pollsPerProbe > 0) return undefined;
    const missed = this.#missed;
    this.#missed = await this.#probe();
    return missed;
  }
}
