import { describe, expect, test } from '@jest/globals';
import { SharingError } from '../../../../lambda/domain/errors.ts';
import type { ImageAttributes } from '../../../../lambda/domain/image.ts';
import { imagePatch, patchMediaTypes } from '../../../../lambda/http/requests/image-patch.ts';
import { anImage } from '../../domain/an-image.ts';

const [byKey, byOp] = Object.keys(patchMediaTypes) as [string, string];
const image = anImage({ name: 'old', tags: ['t'], properties: { os: 'linux', 'a/b': '1', 'a~b': '2', '~1': '3' } });

type Triple = readonly [op: string, path: string, value?: unknown];
const bodies = {
  [byKey]: (triples: readonly Triple[]) => triples.map(([op, path, value]) => ({ [op]: path, value })),
  [byOp]: (triples: readonly Triple[]) => triples.map(([op, path, value]) => ({ op, path, value })),
};

test('the media types are those of the API', () => {
  expect([byKey, byOp]).toEqual([
    'application/openstack-images-v2.0-json-patch',
    'application/openstack-images-v2.1-json-patch',
  ]);
});

describe.each([byKey, byOp])('%s', (mediaType) => {
  const changed = (...triples: readonly Triple[]): ImageAttributes =>
    imagePatch(bodies[mediaType]!(triples), mediaType)(image, () => undefined);
  const refusal = (...triples: readonly Triple[]): string => {
    try {
      changed(...triples);
      return 'done';
    } catch (error) {
      if (!(error instanceof SharingError)) throw error;
      return error.code;
    }
  };

  test.each<[Triple, Partial<ImageAttributes>]>([
    [['replace', '/name', 'new'], { name: 'new' }],
    [['add', '/name', 'new'], { name: 'new' }],
    [['replace', '/name', null], { name: null }],
    [['replace', '/visibility', 'private'], { visibility: 'private' }],
    [['replace', '/os_hidden', true], { hidden: true }],
    [['replace', '/protected', true], { protected: true }],
    [['replace', '/tags', ['b', 'a', 'b']], { tags: ['b', 'a'] }],
    [['replace', '/min_ram', 1], { minRam: 1 }],
    [['replace', '/min_disk', 1], { minDisk: 1 }],
    [['replace', '/disk_format', 'raw'], { diskFormat: 'raw' }],
    [['replace', '/container_format', 'bare'], { containerFormat: 'bare' }],
  ])('%j', (triple, expected) => {
    expect(changed(triple)).toEqual({ ...image, ...expected });
  });

  test.each<[Triple, Record<string, string>]>([
    [['add', '/new', 'x'], { ...image.properties, new: 'x' }],
    [['add', '/os', 'bsd'], { ...image.properties, os: 'bsd' }],
    [['replace', '/os', 'bsd'], { ...image.properties, os: 'bsd' }],
    [['remove', '/os'], { 'a/b': '1', 'a~b': '2', '~1': '3' }],
    [['replace', '/a~1b', 'x'], { ...image.properties, 'a/b': 'x' }],
    [['replace', '/a~0b', 'x'], { ...image.properties, 'a~b': 'x' }],
    [['replace', '/~01', 'x'], { ...image.properties, '~1': 'x' }],
    [['add', '/constructor', 'x'], { ...image.properties, constructor: 'x' }],
  ])('%j', (triple, properties) => {
    expect(changed(triple).properties).toEqual(properties);
  });

  test('operations follow each other', () => {
    const after = changed(['add', '/x', '1'], ['replace', '/x', '2'], ['remove', '/os'], ['add', '/os', 'bsd']);

    expect(after.properties).toEqual({ ...image.properties, x: '2', os: 'bsd' });
  });

  test('properties keep their places, and new ones come last', () => {
    const after = changed(['add', '/a', '1'], ['replace', '/a~1b', '2'], ['add', '/os', 'bsd'], ['remove', '/~01']);

    expect(Object.keys(after.properties)).toEqual(['os', 'a/b', 'a~b', 'a']);
  });

  test('each operation is checked for permission before the next operation is applied', () => {
    const asked: unknown[] = [];
    const change = imagePatch(
      bodies[mediaType]!([
        ['replace', '/os_hidden', true],
        ['replace', '/owner', 'beta'],
        ['replace', '/missing', 'x'],
      ]),
      mediaType,
    );

    const changing = () =>
      change(image, (set) => {
        asked.push(set);
        if ('owner' in set) throw new Error('not you');
      });

    expect(changing).toThrow('not you');
    expect(asked).toEqual([{ hidden: true }, { owner: 'beta' }]);
  });

  test('no operations change nothing', () => {
    expect(changed()).toBe(image);
  });

  test('a failing operation refuses the whole change', () => {
    expect(refusal(['remove', '/os'], ['replace', '/os', 'x'])).toBe('property-not-found');
    expect(image.properties['os']).toBe('linux');
  });

  test.each<Triple>([
    ['replace', '/missing', 'x'],
    ['remove', '/missing'],
    ['remove', '/a~0~1b'],
    ['replace', '/constructor', 'x'],
    ['remove', '/toString'],
    ['remove', '/__proto__'],
  ])('%s %s: there is no such property', (...triple) => {
    expect(refusal(triple)).toBe('property-not-found');
  });

  test.each<Triple>([
    ['replace', '/id', '71c675ab-d94f-49cd-a114-e12490b328d9'],
    ['replace', '/status', 'active'],
    ['add', '/created_at', 'x'],
    ['remove', '/size'],
    ['replace', '/self', 'x'],
    ['add', '/locations', 'x'],
    ['add', '/os_glance_x', 'x'],
    ['remove', '/name'],
    ['remove', '/visibility'],
    ['remove', '/tags'],
  ])('%s %s: the service keeps that for itself', (...triple) => {
    expect(refusal(triple)).toBe('attribute-read-only');
  });

  test.each<Triple>([
    ['replace', 'name', 'x'],
    ['replace', '', 'x'],
    ['replace', '/', 'x'],
    ['replace', '/ ', 'x'],
    ['replace', '/tags/0', 'x'],
    ['replace', '/name/', 'x'],
    ['replace', '//name', 'x'],
    ['replace', '/a~b', 'x'],
    ['replace', '/a~2b', 'x'],
    ['replace', '/a~', 'x'],
    ['add', `/${'x'.repeat(256)}`, 'x'],
    ['add', '/\ud800', 'x'],
    ['add', '/__proto__', 'x'],
    ['replace', '/visibility', 'secret'],
    ['replace', '/min_ram', '1'],
    ['replace', '/owner', 'a/b'],
    ['replace', '/owner', null],
    ['add', '/x', 1],
    ['add', '/x', null],
    ['add', '/x', '\ud800'],
    ['move', '/name', 'x'],
    ['copy', '/name', 'x'],
    ['test', '/name', 'old'],
    ['Replace', '/name', 'x'],
    ['toString', '/name', 'x'],
  ])('%s %j %j is a bad request', (...triple) => {
    expect(refusal(triple)).toBe('invalid-request');
  });
});

test.each<[unknown, string]>([
  [{}, byOp],
  [null, byOp],
  ['x', byOp],
  [{ op: 'replace', path: '/name', value: 'x' }, byOp],
  [[null], byOp],
  [['replace'], byOp],
  [[[]], byOp],
  [[{}], byOp],
  [[{ op: 'replace', path: '/name' }], byOp],
  [[{ op: 'replace', value: 'x' }], byOp],
  [[{ op: 'replace', path: 1, value: 'x' }], byOp],
  [[{ op: ['replace'], path: '/name', value: 'x' }], byOp],
  [[{ replace: '/name', value: 'x' }], byOp],
  [[{ op: 'replace', path: '/name', value: 'x' }], byKey],
  [[{ replace: '/name', remove: '/os', value: 'x' }], byKey],
  [[{ replace: '/name' }], byKey],
  [[{ replace: ['/name'], value: 'x' }], byKey],
  [[{ value: 'x' }], byKey],
  [Array(1001).fill({ op: 'add', path: '/x', value: 'y' }), byOp],
])('%j as %s is a bad request', (body, mediaType) => {
  expect(() => imagePatch(body, mediaType)).toThrow(expect.objectContaining({ code: 'invalid-request' }));
});
