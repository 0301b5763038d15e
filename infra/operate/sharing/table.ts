import { printable } from '../../printable.ts';

/** A column: its heading, and the maximum width of its cells. */
export interface Column {
  readonly heading: string;
  /** @default 64 */
  readonly maxWidth?: number;
}

/** Code points that are invisible, fill a cell or have no known width, besides those that `printable` writes. */
const invisible = /[\p{C}\u115f\u1160\u2800\u3164\uffa0]/gu;
/** Spaces with which a text could imitate the gap between two columns. */
const wideSpaces = /(?! )\p{Zs}|(?<= ) /gu;
/** Combining characters that would cover the lines above and below. */
const stackedMarks = /(\p{M}{4})\p{M}+/gu;
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Formats a table for a terminal, one row per line, with aligned columns and without spaces at the ends of lines.
 *
 * Texts of other people cannot change the table: characters that control the terminal or the direction of a line, and
 * spaces that imitate a column, are written as code points; a text from right to left is isolated; a text that is too
 * long ends with `…`. An empty text is written as `-`.
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) =>
    columns.map(({ maxWidth = 64 }, index) => truncate(neutralize(row[index] ?? '') || '-', maxWidth)),
  );
  const widths = columns.map(({ heading }, index) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[index]!)), heading.length),
  );
  return [columns.map(({ heading }) => heading), ...cells]
    .map((row) =>
      row
        .map((cell, index) => isolate(cell) + ' '.repeat(widths[index]! - widthOf(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Returns a text of other people for a sentence or a cell: see {@link formatTable}. */
export function neutralize(text: string): string {
  const escaped = (character: string) => `\\u{${character.codePointAt(0)!.toString(16)}}`;
  return printable(text).replaceAll(invisible, escaped).replaceAll(wideSpaces, escaped).replaceAll(stackedMarks, '$1…');
}

/** Encloses a text from right to left, so that it does not reorder the cells beside it. */
const isolate = (text: string): string => (rightToLeft.test(text) ? `\u2068${text}\u2069` : text);

function truncate(text: string, maxWidth: number): string {
  if (widthOf(text) <= maxWidth) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment);
    if (width > maxWidth - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Returns the number of columns of a terminal that a text covers. */
function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}
