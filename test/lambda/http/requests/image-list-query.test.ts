import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../../../lambda/domain/clock.ts';
import { SharingError } from '../../../../lambda/domain/errors.ts';
import { sortKeys } from '../../../../lambda/domain/image-filter.ts';
import type { ImageId } from '../../../../lambda/domain/ids.ts';
import type { Image } from '../../../../lambda/domain/image.ts';
import { imageListQuery } from '../../../../lambda/http/requests/image-list-query.ts';
import { aCaller } from '../../domain/a-caller.ts';
import { active, anImage, importing, someData } from '../../domain/an-image.ts';

const caller = aCaller('alpha:member');
const read = (query: string) => imageListQuery(new URLSearchParams(query), caller);

/** Returns true if a list with this query contains an image. */
const shows = (query: string, image: Partial<Image> = {}): boolean =>
  read(query).filters.every((filter) => filter(anImage(image)));

const refusal = (query: string): string => {
  try {
    read(query);
    return 'done';
  } catch (error) {
    if (!(error instanceof SharingError)) throw error;
    return error.code;
  }
};

const defaults = {
  caller,
  visibility: undefined,
  memberStatus: 'accepted',
  owner: undefined,
  hidden: false,
  limit: 25,
  marker: undefined,
  sorts: [{ key: 'created_at', direction: 'desc' }],
  filters: [],
};

test.each<[string, object]>([
  ['', {}],
  ['limit=1', { limit: 1 }],
  ['limit=0', { limit: 0 }],
  ['limit=007', { limit: 7 }],
  ['limit=1000', { limit: 1000 }],
  ['limit=1001', { limit: 1000 }],
  ['limit=999999999999999', { limit: 1000 }],
  ['limit=1&limit=2', { limit: 2 }],
  ['member_status=x&member_status=all', { memberStatus: 'all' }],
  ['marker=x', { marker: 'x' }],
  ['marker=', { marker: '' }],
  ...['private', 'shared', 'community', 'public', 'all'].map((each): [string, object] => [
    `visibility=${each}`,
    { visibility: each },
  ]),
  ...['pending', 'accepted', 'rejected', 'all'].map((each): [string, object] => [
    `member_status=${each}`,
    { memberStatus: each },
  ]),
  ['owner=beta', { owner: 'beta' }],
  ['os_hidden=true', { hidden: true }],
  ['os_hidden=True', { hidden: true }],
  ['os_hidden=FALSE', { hidden: false }],
  ...sortKeys.map((key): [string, object] => [`sort_key=${key}`, { sorts: [{ key, direction: 'desc' }] }]),
  ['sort_dir=asc', { sorts: [{ key: 'created_at', direction: 'asc' }] }],
  ['sort_key=name&sort_dir=asc', { sorts: [{ key: 'name', direction: 'asc' }] }],
  [
    'sort_key=name&sort_key=id&sort_dir=asc',
    {
      sorts: [
        { key: 'name', direction: 'asc' },
        { key: 'id', direction: 'asc' },
      ],
    },
  ],
  [
    'sort_key=name&sort_key=id&sort_dir=asc&sort_dir=desc',
    {
      sorts: [
        { key: 'name', direction: 'asc' },
        { key: 'id', direction: 'desc' },
      ],
    },
  ],
  ['sort=name', { sorts: [{ key: 'name', direction: 'desc' }] }],
  [
    'sort=name:asc,%20size:desc,id',
    {
      sorts: [
        { key: 'name', direction: 'asc' },
        { key: 'size', direction: 'desc' },
        { key: 'id', direction: 'desc' },
      ],
    },
  ],
])('%j asks for %j', (query, asked) => {
  expect(read(query)).toEqual({ ...defaults, ...asked });
});

test.each([
  'limit=',
  'limit=-1',
  'limit=abc',
  'limit=1.5',
  'limit=1e3',
  'limit=%2B1',
  'limit=9999999999999999',
  'visibility=',
  'visibility=secret',
  'visibility=Public',
  'member_status=',
  'member_status=unknown',
  'member_status=ACCEPTED',
  'os_hidden=',
  'os_hidden=yes',
  'os_hidden=1',
  'protected=',
  'protected=maybe',
  'sort_key=',
  'sort_key=owner',
  'sort_key=constructor',
  'sort_dir=up',
  'sort_dir=ASC',
  'sort_key=name&sort_dir=asc&sort_dir=desc',
  'sort=',
  'sort=owner',
  'sort=name:up',
  'sort=name:asc,',
  'sort=name&sort_key=name',
  'sort=name&sort_dir=asc',
  'changes-since=2026-01-01',
  'min_ram=',
  'min_ram=-1',
  'min_disk=1.5',
  'min_disk=many',
  'size=many',
  'size_min=-1',
  'size_max=1.5',
  'size_max=',
  'virtual_size=null',
  'checksum=gt:x',
  'name=gt:a',
  'name=neq:a',
  'id=lte:a',
  'name=in:"a',
  'name=in:"a"b',
  'name=in:a"b"',
  'created_at=',
  'created_at=yesterday',
  'created_at=2026-11-23T12',
  'created_at=2026-13-01',
  'created_at=2026-11-23T25:00:00Z',
  'created_at=in:2026-11-23',
  'created_at=constructor:2026-11-23',
  'created_at=gte:',
  'created_at=2026-11-23T13:00:00%2B01',
  'updated_at=gte:gte:2026-11-23',
])('%j is a bad request', (query) => {
  expect(refusal(query)).toBe('invalid-request');
});

describe('filters', () => {
  const id = '71c675ab-d94f-49cd-a114-e12490b328d9' as ImageId;

  test.each<[string, Partial<Image>, Partial<Image>]>([
    ['name=ubuntu', { name: 'ubuntu' }, { name: 'Ubuntu' }],
    ['name=eq:ubuntu', { name: 'ubuntu' }, { name: 'eq:ubuntu' }],
    ['name=eq:in:a', { name: 'in:a' }, { name: 'a' }],
    ['name=a:b', { name: 'a:b' }, { name: 'b' }],
    ['name=', { name: '' }, { name: null }],
    ['name=in:a,b', { name: 'b' }, { name: 'a,b' }],
    ['name=in:a,b', { name: 'a' }, { name: null }],
    ['name=in:"a,b",c', { name: 'a,b' }, { name: 'a' }],
    ['name=in:"a\\"b"', { name: 'a"b' }, { name: 'a\\"b' }],
    ['name=in:"a\\\\b"', { name: 'a\\b' }, { name: 'a\\\\b' }],
    ['name=in:a b', { name: 'a b' }, { name: 'a' }],
    [`id=${id}`, { id }, {}],
    [`id=in:${id},x`, { id }, {}],
    ['container_format=bare', { containerFormat: 'bare' }, { containerFormat: null }],
    ['disk_format=in:raw,iso', { diskFormat: 'iso' }, { diskFormat: 'vdi' }],
    ['tag=a', { tags: ['b', 'a'] }, { tags: ['b'] }],
    ['tag=a&tag=b', { tags: ['b', 'a'] }, { tags: ['a'] }],
    ['protected=true', { protected: true }, { protected: false }],
    ['protected=false', { protected: false }, { protected: true }],
    ['min_ram=2', { minRam: 2 }, { minRam: 3 }],
    ['min_disk=2', { minDisk: 2 }, { minDisk: 1 }],
    ['os_distro=ubuntu', { properties: { os_distro: 'ubuntu' } }, { properties: { os_distro: 'debian' } }],
    ['os_distro=ubuntu', { properties: { os_distro: 'ubuntu' } }, {}],
    ['os_distro=a&arch=b', { properties: { os_distro: 'a', arch: 'b' } }, { properties: { os_distro: 'a' } }],
    ['os_distro=a&os_distro=b', { properties: { os_distro: 'b' } }, { properties: { os_distro: 'a' } }],
    ['name=a&name=b', { name: 'b' }, { name: 'a' }],
    ['name=gt:a&name=b', { name: 'b' }, { name: 'a' }],
    ['os_distro=in:a,b', { properties: { os_distro: 'in:a,b' } }, { properties: { os_distro: 'a' } }],
    ['toString=x', { properties: { toString: 'x' } }, {}],
    ['constructor=in:x', { properties: { constructor: 'in:x' } }, {}],
  ])('%j lets %j pass and not %j', (query, passes, not) => {
    const encoded = query.replaceAll('+', '%2B');

    expect([shows(encoded, passes), shows(encoded, not)]).toEqual([true, false]);
  });

  const dataWith = (attributes: Parameters<typeof someData>[0]) => active({ data: someData(attributes) });
  test.each<[string, Partial<Image>, Partial<Image>]>([
    ['status=active', active(), importing()],
    ['status=in:importing,deactivated', importing(), active()],
    ['status=deactivated', active({ status: 'deactivated' }), active()],
    ['size=10', dataWith({ size: 10 }), dataWith({ size: 100 })],
    ['size=0', dataWith({ size: 0 }), {}],
    ['size_min=10', dataWith({ size: 10 }), dataWith({ size: 9 })],
    ['size_max=10', dataWith({ size: 10 }), dataWith({ size: 11 })],
    ['size_min=10&size_max=20', dataWith({ size: 15 }), dataWith({ size: 21 })],
    ['size_min=0', dataWith({ size: 0 }), {}],
    ['size_max=999999999999999', dataWith({ size: 10_737_418_240 }), {}],
    ['virtual_size=7', dataWith({ virtualSize: 7 }), dataWith({ size: 7, virtualSize: null })],
    ['checksum=abc', dataWith({ checksum: 'abc' }), dataWith({ checksum: 'abd' })],
    ['checksum=in:x,abc', dataWith({ checksum: 'abc' }), {}],
    ['os_hash_value=abc', dataWith({ hash: 'abc' }), dataWith({ checksum: 'abc' })],
    ['os_hash_algo=sha512', active(), {}],
  ])('%j lets an image with data pass', (query, passes, not) => {
    expect([shows(query, passes), shows(query, not)]).toEqual([true, false]);
  });

  test.each(['status=queued', 'status=in:active,queued'])('%j lets images without data pass', (query) => {
    expect(shows(query)).toBe(true);
  });

  test.each([
    'status=active',
    'size_min=1',
    'size_max=9',
    'size=0',
    'checksum=x',
    'os_hash_value=x',
    'virtual_size=1',
    'owner=',
    'owner=a/b',
    'unknown=',
    'name=in:',
    'hasOwnProperty=x',
    'valueOf=x',
    '__proto__=x',
    'toString=[object Undefined]',
  ])('%j lets none pass', (query) => {
    expect(shows(query, { name: '' })).toBe(false);
  });

  test('a filter accepts 1,000 values and no more', () => {
    const values = (count: number) => Array.from({ length: count }, (_, n) => `v${n}`).join();

    expect(shows(`name=in:${values(1000)}`, { name: 'v999' })).toBe(true);
    expect(refusal(`name=in:${values(1001)}`)).toBe('invalid-request');
  });

  // The image was created at 12:00:00 UTC.
  const createdAt = '2026-11-23T12:00:00Z' as Timestamp;
  test.each([
    ['2026-11-23T12:00:00Z', true],
    ['2026-11-23T12:00:00', true],
    ['2026-11-23 12:00:00', true],
    ['2026-11-23T12:00', true],
    ['2026-11-23T12:00:00.000000', true],
    ['2026-11-23T13:00:00+01:00', true],
    ['2026-11-23T13:00:00+0100', true],
    ['2026-11-23T07:00:00-05:00', true],
    ['2026-11-23T12:00:01Z', false],
    ['2026-11-23', false],
    ['eq:2026-11-23T12:00:00Z', true],
    ['neq:2026-11-23T12:00:00Z', false],
    ['neq:2026-11-23T12:00:01Z', true],
    ['gt:2026-11-23', true],
    ['gt:2026-11-23T12:00:00Z', false],
    ['gt:2026-11-23T11:59:59', true],
    ['gte:2026-11-23T12:00:00Z', true],
    ['gte:2026-11-23T13:00:00+01:00', true],
    ['gte:2026-11-23T12:00:01', false],
    ['lt:2026-11-24', true],
    ['lt:2026-11-23T12:00:00Z', false],
    ['lte:2026-11-23T12:00:00Z', true],
    ['lte:2026-11-23T11:59:59.999Z', false],
  ])('created_at=%s lets an image of noon pass: %s', (moment, passes) => {
    expect(shows(`created_at=${encodeURIComponent(moment)}`, { createdAt })).toBe(passes);
    expect(shows(`updated_at=${encodeURIComponent(moment)}`, { updatedAt: createdAt })).toBe(passes);
  });

  test('a plus sign of a zone may come as it is', () => {
    expect(shows('created_at=2026-11-23T13:00:00+01:00', { createdAt })).toBe(true);
  });

  test('a long value is refused in linear time', async () => {
    // A parser with cubic time would need minutes for a value that fits a request, and block all other requests.
    const hostile = `name=in:${'+'.repeat(9000)}"x"y`;
    const module = JSON.stringify(
      new URL('../../../../lambda/http/requests/image-list-query.ts', import.meta.url).href,
    );
    const worker = new Worker(
      `import(${module})
        .then(({ imageListQuery }) => imageListQuery(new URLSearchParams(${JSON.stringify(hostile)}), undefined))
        .catch((error) => require('node:worker_threads').parentPort.postMessage(error.code));`,
      { eval: true },
    );

    try {
      const signal = AbortSignal.timeout(4000);
      expect(await once(worker, 'message', { signal })).toEqual(['invalid-request']);
    } finally {
      await worker.terminate();
    }
  });
});
