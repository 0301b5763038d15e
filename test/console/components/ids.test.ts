import { expect, test } from '@jest/globals';
import { nameOf, quotedName } from '../../../console/components/ids.tsx';

const id = '71c675ab-d94f-49cd-a114-e12490b328d9';

test('an image without a visible name has its id as its name', () => {
  for (const name of [null, '', ' ', '\u200b', '\u2068\u2069', '\u00ad\u3164'.slice(0, 1)]) {
    expect(nameOf({ name, id })).toBe(id);
  }
  for (const name of ['fedora-44', '-', '😀', 'صورة']) expect(nameOf({ name, id })).toBe(name);
});

test('a name in a message is quoted, isolated, and cannot change the direction of the message', () => {
  expect(quotedName({ name: 'live\u202eevil\u2066.txt\u2069', id })).toBe('“\u2068liveevil.txt\u2069”');
});
