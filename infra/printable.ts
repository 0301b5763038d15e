/**
 * Returns a text without characters that control a terminal or the direction of a line: each is written as its code
 * point, such as `\u{1b}`.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}
