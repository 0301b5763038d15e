import { describe, expect, test } from '@jest/globals';
import { imageBody } from '../../../../lambda/http/requests/image-body.ts';

const id = '71c675ab-d94f-49cd-a114-e12490b328d9';
const long = (length: number) => '🐧'.repeat(length);

test('an image has exactly the attributes of the body', () => {
  expect(imageBody({})).toEqual({ imageId: undefined, attributes: { properties: {} } });
});

test('every property that a caller can set is read', () => {
  const body = {
    id,
    name: 'ubuntu',
    visibility: 'private',
    protected: true,
    os_hidden: true,
    owner: 'alpha',
    container_format: 'bare',
    disk_format: 'qcow2',
    tags: ['a', 'b', 'a'],
    min_ram: 512,
    min_disk: 2147483647,
    os_distro: 'ubuntu',
    constructor: 'a custom property',
  };

  expect(imageBody(body)).toEqual({
    imageId: id,
    attributes: {
      name: 'ubuntu',
      visibility: 'private',
      protected: true,
      hidden: true,
      owner: 'alpha',
      containerFormat: 'bare',
      diskFormat: 'qcow2',
      tags: ['a', 'b'],
      minRam: 512,
      minDisk: 2147483647,
      properties: { os_distro: 'ubuntu', constructor: 'a custom property' },
    },
  });
});

test.each([
  { name: null },
  { name: '' },
  { name: long(255) },
  { container_format: null },
  { disk_format: null },
  { owner: null },
  { tags: [] },
  { tags: [long(255)] },
  { min_ram: 0 },
  { [long(255)]: '' },
  { x: '' },
  { x: 'y'.repeat(100_000) },
])('a body may be %j', (body) => {
  expect(() => imageBody(body)).not.toThrow();
});

describe('a bad value', () => {
  test.each([
    { id: 'x' },
    { id: id.toUpperCase() },
    { id: null },
    { id: 1 },
    { name: 1 },
    { name: long(256) },
    { name: '\ud800' },
    { visibility: 'secret' },
    { visibility: null },
    { visibility: ['shared'] },
    { protected: 'true' },
    { protected: 1 },
    { os_hidden: null },
    { owner: '' },
    { owner: 'a/b' },
    { owner: 1 },
    { container_format: 'box' },
    { disk_format: 'floppy' },
    { disk_format: 1 },
    { tags: 'a' },
    { tags: [1] },
    { tags: [null] },
    { tags: [long(256)] },
    { tags: ['\udc00'] },
    { tags: null },
    { min_ram: -1 },
    { min_ram: 1.5 },
    { min_ram: '1' },
    { min_disk: 2147483648 },
    { min_disk: null },
    { x: 1 },
    { x: null },
    { x: { a: 1 } },
    { x: '\ud800' },
    { '': 'x' },
    { [long(256)]: 'x' },
    { '\ud800': 'x' },
  ])('%j is a bad request that names its property', (body) => {
    const [name] = Object.keys(body);
    const named = name!.isWellFormed() && name!.length > 0 && name!.length < 256 ? JSON.stringify(name) : 'name';

    expect(() => imageBody(body)).toThrow(
      expect.objectContaining({ code: 'invalid-request', message: expect.stringContaining(named) }),
    );
  });
});

test.each([
  'status',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'size',
  'virtual_size',
  'created_at',
  'updated_at',
  'direct_url',
  'self',
  'file',
  'schema',
  'stores',
  'location',
  'locations',
  'deleted',
  'deleted_at',
  'os_glance_import_task',
])('%s is set by the service alone, whatever its value', (name) => {
  for (const value of ['x', null, 1]) {
    expect(() => imageBody({ min_ram: 'bad too', [name]: value })).toThrow(
      expect.objectContaining({ code: 'attribute-read-only', message: expect.stringContaining(name) }),
    );
  }
});
