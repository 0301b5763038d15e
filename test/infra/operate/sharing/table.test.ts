import { expect, test } from '@jest/globals';
import { formatTable } from '../../../../infra/operate/sharing/table.ts';

const columns = [{ heading: 'NAME', maxWidth: 12 }, { heading: 'OWNER' }];
/** Formats a table of one row whose name is the text, and returns the row. */
const rowOf = (name: string): string | undefined => formatTable(columns, [[name, 'alpha']]).split('\n')[1];

test('columns are as wide as their widest cell and lines have no spaces at their ends', () => {
  const table = formatTable(
    [{ heading: 'IMAGE' }, { heading: 'NAME' }, { heading: 'ENDS' }],
    [
      ['1', 'golden', ''],
      ['22222222', 'fedora 44', '2027-01-31T23:59:59Z'],
    ],
  );

  expect(table.split('\n')).toEqual([
    'IMAGE     NAME       ENDS',
    '1         golden     -',
    '22222222  fedora 44  2027-01-31T23:59:59Z',
  ]);
});

test.each([
  ['an escape sequence', '\u{1b}[2K', String.raw`\u{1b}[2K  alpha`],
  ['a line break', 'a\nb', String.raw`a\u{a}b  alpha`],
  ['an override of the direction', '\u202ea', String.raw`\u{202e}a  alpha`],
  ['an isolate that does not end', '\u2067a', String.raw`\u{2067}a  alpha`],
  ['a zero-width space', 'a\u200bb', String.raw`a\u{200b}b  alpha`],
  ['spaces that imitate a column', 'a  b', String.raw`a \u{20}b  alpha`],
  ['a no-break space', 'a\u00a0b', String.raw`a\u{a0}b  alpha`],
  ['an ideographic space', 'a\u3000b', String.raw`a\u{3000}b  alpha`],
  ['an invisible letter', 'a\u3164b', String.raw`a\u{3164}b  alpha`],
  ['an unpaired surrogate', 'a\ud800', String.raw`a\u{d800}  alpha`],
  ['combining characters without end', `a${'\u0301'.repeat(50)}`, `a${'\u0301'.repeat(4)}…    alpha`],
])('%s does not change the table', (_, name, row) => {
  expect(rowOf(name)).toBe(row);
});

test('a text from right to left is isolated and aligned', () => {
  expect(rowOf('שלום')).toBe('\u2068שלום\u2069  alpha');
  expect(rowOf('مرحبا 2026')).toBe('\u2068مرحبا 2026\u2069  alpha');
});

test('wide characters cover two columns', () => {
  const table = formatTable(columns, [
    ['日本', 'alpha'],
    ['🚀', 'beta'],
    ['abcd', 'gamma'],
    ['e\u0301', 'delta'],
  ]);

  expect(table.split('\n')).toEqual(['NAME  OWNER', '日本  alpha', '🚀    beta', 'abcd  gamma', 'e\u0301     delta']);
});

test('a long text ends with an ellipsis within its column, also after escapes and wide characters', () => {
  expect(rowOf('a'.repeat(12))).toBe(`${'a'.repeat(12)}  alpha`);
  expect(rowOf('a'.repeat(13))).toBe(`${'a'.repeat(11)}…  alpha`);
  expect(rowOf('日'.repeat(7))).toBe(`${'日'.repeat(5)}…  alpha`);
  expect(rowOf('\u202e'.repeat(2))).toBe(String.raw`\u{202e}\u{…  alpha`);
});
