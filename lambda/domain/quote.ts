/** Maximum number of characters of a request that an error message repeats. */
const maxEchoed = 80;

/** Text of a request as an error message repeats it: the first 80 characters of it. */
export function abridge(text: string): string {
  // Cut before it is taken apart: a body may consist of one text.
  const characters = Array.from(text.slice(0, 2 * maxEchoed + 1));
  return characters.length > maxEchoed ? `${characters.slice(0, maxEchoed).join('')}…` : text;
}

/** Text of a request as an error message repeats it, in double quotes, abridged and escaped. */
export const quote = (text: string): string => JSON.stringify(abridge(text));
