import { expect, test } from '@jest/globals';
import { parseImageId, parseProjectId, parseUserId } from '../../../lambda/domain/ids.ts';

test.each([
  '71c675ab-d94f-49cd-a114-e12490b328d9',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
])('%s is an image id', (text) => {
  expect(parseImageId(text)).toBe(text);
});

test.each([
  '',
  'image',
  '71C675AB-D94F-49CD-A114-E12490B328D9',
  '71c675abd94f49cda114e12490b328d9',
  '{71c675ab-d94f-49cd-a114-e12490b328d9}',
  '71c675ab-d94f-49cd-a114-e12490b328d9\n',
  ' 71c675ab-d94f-49cd-a114-e12490b328d9',
  '71c675ab-d94f-49cd-a114-e12490b328d',
  '71c675ab-d94f-49cd-a114-e12490b328dg',
  'a'.repeat(2000),
])('%j is not an image id', (text) => {
  expect(parseImageId(text)).toBeUndefined();
});

test.each([
  ['one character', 'x'],
  ['an id of Keystone', '8c9f3c1a5b6e4c0d9e2f7a1b3c4d5e6f'],
  ['255 characters', 'x'.repeat(255)],
  ['255 characters of two bytes', 'é'.repeat(255)],
  ['255 characters of three bytes', '名'.repeat(255)],
  ['250 characters of four bytes, 1,000 bytes', '🐧'.repeat(250)],
  ['255 characters, 1,000 bytes', '🐧'.repeat(248) + '名' + 'é' + 'xxx'],
  ['three dots', '...'],
  ['a space', 'a b'],
  ['the characters that a path escapes', '%#&+;=@:"\\[]{}|^`<>'],
  ['a byte order mark', '\uFEFF'],
  ['a combining character alone', '\u0301'],
])('a project id may be %s', (_, text) => {
  expect(parseProjectId(text)).toBe(text);
});

test.each([
  ['empty', ''],
  ['256 characters', 'x'.repeat(256)],
  ['256 characters of four bytes', '🐧'.repeat(256)],
  ['255 characters of four bytes, 1,020 bytes', '🐧'.repeat(255)],
  ['1,001 bytes', '🐧'.repeat(250) + 'x'],
  ['a dot', '.'],
  ['two dots', '..'],
  ['with a slash', 'a/b'],
  ['with a question mark', 'a?b'],
  ['with NUL', 'a\0b'],
  ['with a line feed', 'a\nb'],
  ['with a line feed at the end', 'a\n'],
  ['with DEL', 'a\x7Fb'],
  ['with a control character of Latin-1', 'a\u0085b'],
  ['a high surrogate alone', 'a\uD83D'],
  ['a low surrogate alone', '\uDC27a'],
  ['surrogates the wrong way round', '\uDC27\uD83D'],
])('a project id is not %s', (_, text) => {
  expect(parseProjectId(text)).toBeUndefined();
});

test.each([
  ['one character', 'x'],
  ['255 characters of four bytes', '🐧'.repeat(255)],
  ['with the characters of an address and a path', 'auth0|a/b?c@d.example'],
])('a user id may be %s', (_, text) => {
  expect(parseUserId(text)).toBe(text);
});

test.each([
  ['empty', ''],
  ['256 characters', 'x'.repeat(256)],
  ['with NUL', 'a\0b'],
  ['with a line feed at the end', 'a\n'],
  ['with DEL', 'a\x7Fb'],
  ['a high surrogate alone', 'a\uD83D'],
  ['a low surrogate alone', '\uDC27a'],
])('a user id is not %s', (_, text) => {
  expect(parseUserId(text)).toBeUndefined();
});
