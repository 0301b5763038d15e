/** Calls a function for each element, for at most `limit` of them at the same time. */
export async function forEachAtOnce<Element>(
  elements: readonly Element[],
  limit: number,
  act: (element: Element) => Promise<void>,
): Promise<void> {
  const remaining = elements.values();
  const workers = Array.from({ length: limit }, async () => {
    for (const element of remaining) await act(element);
  });
  await Promise.all(workers);
}
