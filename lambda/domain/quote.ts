/** Maximum number of characters of a request that an error message repeats. */
const maxEchoedCharacters = 80;

/** Returns the first 80 characters of a text from a request, for an error message. */
export function abridge(text: string): string {
  // The slice bounds the work, because the text may be as long as the body. A character has at most two code units.
  const characters = Array.from(text.slice(0, 2 * maxEchoedCharacters + 1));
  return characters.length > maxEchoedCharacters ? `${characters.slice(0, maxEchoedCharacters).join('')}…` : text;
}

/** Returns an abridged and escaped text from a request in double quotes, for an error message. */
export const quote = (text: string): string => JSON.stringify(abridge(text));
