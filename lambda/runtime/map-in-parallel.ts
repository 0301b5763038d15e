/**
 * Calls a function with each value, in rounds of at most `max` parallel calls.
 *
 * @returns the results in the order of the values
 * @throws the first error; later rounds are left out
 */
export async function mapInParallel<Value, Result>(
  values: readonly Value[],
  max: number,
  call: (value: Value) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < values.length; start += max)
    results.push(...(await Promise.all(values.slice(start, start + max).map(call))));
  return results;
}
