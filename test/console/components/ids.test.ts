import { expect, test } from '@jest/globals';
import { joinGroups, nameOf, quotedName } from '../../../console/components/ids.tsx';

const id = '71c675ab-d94f-49cd-a114-e12490b328d9';

test('an image without a visible name has its id as its name', () => {
  for (const name of [
    null,
    '',
    ' ',
    '\u200b',
    '\u2068\u2069',
    '\u00ad',
    '\u3164',
    '\u115f\u1160',
    '\uffa0',
    '\u2800',
  ]) {
    expect(nameOf({ name, id })).toBe(id);
  }
  for (const name of ['fedora-44', '-', '😀', 'صورة']) expect(nameOf({ name, id })).toBe(name);
});

test('a name cannot change the direction of a text, and is quoted and isolated in a message', () => {
  expect(nameOf({ name: 'live\u202eevil\u2066.txt\u2069', id })).toBe('liveevil.txt');
  expect(quotedName({ name: 'live\u202eevil\u2066.txt\u2069', id })).toBe('“\u2068liveevil.txt\u2069”');
});

test('an id in the groups in which the page shows it is one id', () => {
  const project = '4f2a9c0de1b84a7f9d3c5e6b7a8091c2';
  const groups = '4f2a9c0d e1b84a7f 9d3c5e6b 7a8091c2';
  expect(joinGroups(groups)).toBe(project);
  expect(joinGroups(`gamma ${groups},${groups.toUpperCase()}\n${project}`)).toBe(
    `gamma ${project},${project.toUpperCase()}\n${project}`,
  );
  for (const text of ['gamma', groups.slice(0, -1), groups.replaceAll(' ', '\n'), groups.replaceAll(' ', '  ')]) {
    expect(joinGroups(text)).toBe(text);
  }
});
