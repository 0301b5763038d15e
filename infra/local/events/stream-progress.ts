/** Number of consecutive polls without records before a probe of the stream: a few seconds when the stream is idle. */
const pollsPerProbe = 20;

/**
 * Detects that a stream reader makes no progress. After every `pollsPerProbe` consecutive polls without records it
 * probes the stream for a record after the reader's position. The reader is stalled if a probe found a record and the
 * reader returned no records until the next probe.
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
   * @returns the sequence number of a record that the last `pollsPerProbe` polls missed; undefined if the reader makes
   *   progress or no probe was due
   */
  async afterPoll(recordCount: number): Promise<string | undefined> {
    if (recordCount > 0) {
      this.#emptyPolls = 0;
      this.#missed = undefined;
      return undefined;
    }
    this.#emptyPolls += 1;
    if (this.#emptyPolls % pollsPerProbe > 0) return undefined;
    const missed = this.#missed;
    this.#missed = await this.#probe();
    return missed;
  }
}
