import { expect, test } from '@jest/globals';
import { abridge, quote } from '../../../lambda/domain/quote.ts';

test.each([
  ['', ''],
  ['a name', 'a name'],
  ['x'.repeat(80), 'x'.repeat(80)],
  ['x'.repeat(81), `${'x'.repeat(80)}…`],
  ['🀄'.repeat(80), '🀄'.repeat(80)],
  ['🀄'.repeat(81), `${'🀄'.repeat(80)}…`],
  [`x${'🀄'.repeat(1_000_000)}`, `x${'🀄'.repeat(79)}…`],
])('a text is abridged to 80 characters', (text, abridged) => {
  expect(abridge(text)).toBe(abridged);
  expect(quote(text)).toBe(`"${abridged}"`);
});

test('a quoted text is escaped', () => {
  expect(quote('"\n')).toBe('"\\"\\n"');
});
