import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Timestamp } from '../../../../lambda/domain/clock.ts';
import type { ImageId, ProjectId } from '../../../../lambda/domain/ids.ts';
import { assertImageIsWithinBounds, type Image } from '../../../../lambda/domain/image.ts';
import { imagesView, imageTag, imageView, pageSize } from '../../../../lambda/http/views/image-view.ts';
import { active, anImage, importing, someData } from '../../domain/an-image.ts';

const id = '71c675ab-d94f-49cd-a114-e12490b328d9' as ImageId;

test('an image is shown by all its keys, in this order', () => {
  const image = anImage({
    id,
    name: 'ubuntu',
    hidden: true,
    protected: true,
    minDisk: 1,
    minRam: 2,
    diskFormat: 'raw',
    containerFormat: 'bare',
    tags: ['b', 'a'],
    properties: { os_version: '24.04', architecture: 'arm64' },
    updatedAt: '2026-11-23T13:00:00Z' as Timestamp,
  });

  const view = imageView(image);

  const expected = {
    os_version: '24.04',
    architecture: 'arm64',
    name: 'ubuntu',
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'shared',
    size: null,
    virtual_size: null,
    status: 'queued',
    checksum: null,
    protected: true,
    min_ram: 2,
    min_disk: 1,
    owner: 'alpha',
    os_hidden: true,
    os_hash_algo: null,
    os_hash_value: null,
    id,
    created_at: '2026-11-23T12:00:00Z',
    updated_at: '2026-11-23T13:00:00Z',
    tags: ['b', 'a'],
    self: `/v2/images/${id}`,
    file: `/v2/images/${id}/file`,
    schema: '/v2/schemas/image',
  };
  expect(JSON.stringify(view)).toBe(JSON.stringify(expected));
});

test.each(['active', 'deactivated'] as const)('an image that is %s is shown with its data', (status) => {
  const data = someData({ size: 10, virtualSize: 20, checksum: 'abc', hash: 'def' });

  const view = imageView(anImage(active({ status, data })));

  expect(view).toMatchObject({ status, size: 10, virtual_size: 20, checksum: 'abc' });
  expect([view.os_hash_algo, view.os_hash_value]).toEqual(['sha512', 'def']);
  expect(JSON.stringify(view)).not.toContain(data.objectKey);
});

test.each<[string, Partial<Image>, object]>([
  ['an import', importing({ importedBytes: 7 }), { importing_to_stores: 's3', imported_bytes: '7' }],
  ['a failed import', { importError: 'No.' }, { failed_import: 's3', import_error: 'No.' }],
  ['no import', {}, {}],
  ['the data', active({ importedBytes: 7 }), {}],
])('the state of %s is shown in properties of the service, without its source', (_what, attributes, expected) => {
  const view = imageView(anImage(attributes));

  const own = Object.entries(view).filter(([name]) => name.startsWith('os_glance_'));
  expect(Object.fromEntries(own)).toEqual(
    Object.fromEntries(Object.entries(expected).map(([name, value]) => [`os_glance_${name}`, value])),
  );
  expect(JSON.stringify(view)).not.toContain('images.example');
});

test.each([
  ['', undefined, '/v2/images', undefined],
  ['', id, '/v2/images', `/v2/images?marker=${id}`],
  ['limit=2', id, '/v2/images?limit=2', `/v2/images?limit=2&marker=${id}`],
  ['marker=x&limit=2', id, '/v2/images?limit=2', `/v2/images?limit=2&marker=${id}`],
  ['marker=x', undefined, '/v2/images', undefined],
  ['sort=name:asc&tag=a&tag=b%20c', undefined, '/v2/images?sort=name%3Aasc&tag=a&tag=b+c', undefined],
  ['name=in:%22a,b%22', undefined, '/v2/images?name=in%3A%22a%2Cb%22', undefined],
  ['name=%E5%90%8D&x=%26%3D', undefined, '/v2/images?name=%E5%90%8D&x=%26%3D', undefined],
  ['a', undefined, '/v2/images?a=', undefined],
  ['name=~%2A%2B', undefined, '/v2/images?name=~%2A%2B', undefined],
  ['limit=1&name=a&limit=2&name=b', id, '/v2/images?limit=2&name=b', `/v2/images?limit=2&name=b&marker=${id}`],
  ['x=1&x=', undefined, '/v2/images?x=', undefined],
  ['tag=a&tag=b&tag=a', undefined, '/v2/images?tag=a&tag=b&tag=a', undefined],
  [
    'sort_key=name&sort_dir=asc&sort_key=id&sort_dir=desc',
    undefined,
    '/v2/images?sort_key=name&sort_dir=asc&sort_key=id&sort_dir=desc',
    undefined,
  ],
])('of the page for %j with `next` %s the links are %s and %s', (query, next, first, following) => {
  const view = imagesView({ entries: [], next }, new URLSearchParams(query));

  expect(JSON.stringify(view)).toBe(
    JSON.stringify({ images: [], first, schema: '/v2/schemas/images', ...(following && { next: following }) }),
  );
});

describe('the size of an image in a page', () => {
  test('counts JSON escapes twice, as in the response of Lambda', () => {
    const image = anImage({ name: '\u0001"', properties: { quotes: '"'.repeat(950) } });
    const responseOf = (images: Image[]) =>
      JSON.stringify({ body: JSON.stringify(imagesView({ entries: images, next: undefined }, new URLSearchParams())) });

    const added = responseOf([image, image]).length - responseOf([image]).length;

    expect(Math.abs(pageSize.sizeOf(image) - added)).toBeLessThanOrEqual(2);
  });

  test.each(['"', '\\', 'x', '\u0001', '🀄'])(
    'is far below that of a page for the largest image, full of %j',
    (character) => {
      const ofJson = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;
      const largest = anImage({
        name: character.repeat(255),
        owner: '"'.repeat(255) as ProjectId,
        properties: { full: character.repeat(Math.floor((128 * 1024 - 40) / ofJson(character))) },
      });
      expect(() => {
        assertImageIsWithinBounds(largest);
      }).not.toThrow();

      expect(pageSize.sizeOf(largest)).toBeLessThan(300_000);
    },
  );
});

test('two images have the same entity tag if and only if their views are equal', () => {
  const text = fc.constantFrom('', 'a', 'b', '"', 'a","b', '\u00e4');
  const time = fc.constantFrom('2026-11-23T12:00:00Z' as Timestamp, '2026-11-23T12:00:01Z' as Timestamp);
  const attributes = fc.record({
    name: fc.option(text),
    owner: fc.constantFrom('alpha' as ProjectId, 'beta' as ProjectId),
    visibility: fc.constantFrom('shared', 'private'),
    hidden: fc.boolean(),
    protected: fc.boolean(),
    minDisk: fc.nat(1),
    diskFormat: fc.constantFrom(null, 'raw'),
    tags: fc.array(text, { maxLength: 2 }),
    properties: fc.dictionary(fc.constantFrom('a', 'b', 'name'), text, { maxKeys: 2 }),
    data: fc.constantFrom(undefined, someData(), someData({ size: 11 }), someData({ objectKey: 'images/other/data' })),
    importJob: fc.constantFrom(undefined, importing().importJob),
    importError: fc.constantFrom(undefined, 'a'),
    importedBytes: fc.nat(1),
    updatedAt: time,
    memberCount: fc.nat(1),
    version: fc.nat(1),
  }) as fc.Arbitrary<Partial<Image>>;
  // Most pairs differ in few attributes or in none.
  const pairs = fc.tuple(attributes, attributes, fc.subarray(Object.keys(anImage()))).map(([a, b, keys]) => {
    const changed = Object.fromEntries(Object.entries(b).filter(([key]) => keys.includes(key)));
    return [anImage({ id, ...a }), anImage({ id, ...a, ...changed })] as const;
  });
  const outcomes = { equal: 0, different: 0 };

  fc.assert(
    fc.property(pairs, ([a, b]) => {
      const isEqual = JSON.stringify(imageView(a)) === JSON.stringify(imageView(b));
      outcomes[isEqual ? 'equal' : 'different'] += 1;
      expect(imageTag(a) === imageTag(b)).toBe(isEqual);
    }),
    { numRuns: 2000 },
  );

  expect(Math.min(outcomes.equal, outcomes.different)).toBeGreaterThan(20);
});
