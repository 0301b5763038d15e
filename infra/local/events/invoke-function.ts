/**
 * Invokes a function with a batch.
 *
 * @param event - JSON
 * @returns the result as JSON; undefined if the invocation failed
 */
export type InvokeFunction = (event: string) => Promise<string | undefined>;

/**
 * Reads a partial batch response (`ReportBatchItemFailures`).
 *
 * @param result - JSON of a function's result
 * @returns the identifiers of the failed items: message ids of a queue, sequence numbers of a stream
 */
export function failedItemIds(result: string): readonly string[] {
  const { batchItemFailures } = JSON.parse(result) as {
    readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
  };
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}
