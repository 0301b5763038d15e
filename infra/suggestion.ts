import { distance } from 'fastest-levenshtein';

/**
 * Returns the candidate that a misspelt name most likely stands for: the one with the fewest edits, at most a third of
 * the name's length, rounded up. Returns undefined if no candidate is that close.
 */
export function suggest(name: string, candidates: readonly string[]): string | undefined {
  const lowerCase = name.toLowerCase();
  const [nearest] = candidates
    .map((candidate) => ({ candidate, edits: distance(lowerCase, candidate.toLowerCase()) }))
    .filter(({ edits }) => edits <= Math.ceil(name.length / 3))
    .toSorted((left, right) => left.edits - right.edits);
  return nearest?.candidate;
}
