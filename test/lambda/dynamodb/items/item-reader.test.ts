import { expect, test } from '@jest/globals';
import { imageFromItem, imageItem } from '../../../../lambda/dynamodb/items/image-item.ts';
import { itemReader, type ItemReader } from '../../../../lambda/dynamodb/items/item-reader.ts';
import { membershipFromItem } from '../../../../lambda/dynamodb/items/membership-item.ts';
import { anImage } from '../../domain/an-image.ts';

const key = { pk: 'IMAGE#1', sk: 'IMAGE' };

const reads: Readonly<Record<string, (read: ItemReader) => unknown>> = {
  string: (read) => read.string('it'),
  'string or null': (read) => read.stringOrNull('it'),
  boolean: (read) => read.boolean('it'),
  number: (read) => read.number('it'),
  strings: (read) => read.strings('it'),
  'map of strings': (read) => read.stringMap('it'),
  'a or b': (read) => read.oneOf('it', ['a', 'b']),
  parsed: (read) => read.parsed('it', 'the letter a', (text) => (text === 'a' ? text : undefined)),
};

test.each([
  ['string', ''],
  ['string or null', null],
  ['boolean', false],
  ['number', 0],
  ['strings', []],
  ['map of strings', { constructor: '1' }],
  ['a or b', 'b'],
  ['parsed', 'a'],
])('an attribute is read as %s: %j', (as, value) => {
  expect(reads[as]!(itemReader({ ...key, it: value }))).toEqual(value);
});

test.each([
  ['string', 1, 'a string'],
  ['string', undefined, 'a string'],
  ['string or null', 0, 'a string or null'],
  ['string or null', undefined, 'a string or null'],
  ['boolean', 'true', 'a boolean'],
  ['number', '1', 'a number'],
  ['number', null, 'a number'],
  ['strings', 'a', 'a list of strings'],
  ['strings', ['a', 1], 'a list of strings'],
  ['map of strings', ['a'], 'a map of strings'],
  ['map of strings', { a: 1 }, 'a map of strings'],
  ['map of strings', null, 'a map of strings'],
  ['a or b', 'c', 'one of a, b'],
  ['parsed', 'b', 'the letter a'],
  ['parsed', 1, 'the letter a'],
])('an attribute that is not a %s is an error: %j', (as, value, wanted) => {
  expect(() => reads[as]!(itemReader({ ...key, it: value }))).toThrow(`Item IMAGE#1 / IMAGE: "it" is not ${wanted}.`);
});

test('a nested map is read like an item, and errors contain its path', () => {
  const read = itemReader({ ...key, it: { n: 1 }, other: 'x' });

  expect(read.map('it').number('n')).toBe(1);
  expect(() => read.map('none')).toThrow('Item IMAGE#1 / IMAGE: "none" is not a map.');
  expect(() => read.map('it').string('n')).toThrow('Item IMAGE#1 / IMAGE.it: "n" is not a string.');
  expect(() => read.map('other')).toThrow('Item IMAGE#1 / IMAGE: "other" is not a map.');
});

test('a nested map as JSON text is read like an item, and errors contain its path', () => {
  const read = itemReader({ ...key, it: '{"n":1}', broken: '{"n":', list: '[1]', other: { n: 1 } });

  expect(read.json('it').number('n')).toBe(1);
  expect(() => read.json('it').string('n')).toThrow('Item IMAGE#1 / IMAGE.it: "n" is not a string.');
  for (const name of ['none', 'broken', 'list', 'other']) {
    expect(() => read.json(name)).toThrow(`Item IMAGE#1 / IMAGE: "${name}" is not JSON text of an object.`);
  }
});

const image = anImage();
const item = imageItem(image, { projectId: image.owner, userId: 'alice', via: 'http' });
const pending = { kind: 'facts', owner: 'alpha', visibility: 'private', os_hidden: false };

test.each<[string, Record<string, unknown>]>([
  ['owner', { owner: 'a/b' }],
  ['visibility', { visibility: 'secret' }],
  ['created_at', { record: JSON.stringify({ ...JSON.parse(item['record'] as string), created_at: 'yesterday' }) }],
  ['record', { record: undefined }],
  ['record', { record: '{"name":' }],
  ['id', { id: 'first' }],
  ['status', { status: undefined }],
  ['version', { version: undefined }],
  ['kind', { pending_change: { ...pending, kind: 'other', actor: { project: 'a', user: 'u', via: 'http' } } }],
  ['via', { pending_change: { ...pending, actor: { project: 'a', user: 'u', via: 'mail' } } }],
])('an image whose %s is malformed is an error and no image', (attribute, fault) => {
  expect(() => imageFromItem({ ...item, ...fault })).toThrow(
    new RegExp(`^Item IMAGE#${image.id} / IMAGE(\\.record|\\.pending_change)?(\\.actor)?: "${attribute}" is not `),
  );
});

test('an image keeps its properties in their order', () => {
  const properties = { zeta: '1', alpha: '', constructor: '3', ['__proto__']: '4', 'quote"\\': '\u{1f600}' };
  const stored = imageItem({ ...image, properties }, { projectId: image.owner, userId: 'alice', via: 'http' });

  expect(Object.entries(imageFromItem(stored)!.properties)).toEqual(Object.entries(properties));
});

test('a pending change without its author is an error and no finished image', () => {
  expect(() => imageFromItem({ ...item, pending_change: pending })).toThrow('actor');
});

test.each([
  ['status', { status: 'maybe' }],
  ['member_id', { member_id: '' }],
  ['created_at', { created_at: undefined }],
  ['updated_at', { updated_at: 'never' }],
])('a membership whose %s is malformed is an error and no membership', (attribute, fault) => {
  const membership = {
    pk: 'PROJECT#beta',
    sk: `SHARED#${image.id}`,
    membership_id: 'first',
    image_id: image.id,
    member_id: 'beta',
    status: 'pending',
    created_at: image.createdAt,
    updated_at: image.createdAt,
    ...fault,
  };

  expect(() => membershipFromItem(membership, new Date())).toThrow(
    `Item PROJECT#beta / SHARED#${image.id}: "${attribute}" is not `,
  );
});
