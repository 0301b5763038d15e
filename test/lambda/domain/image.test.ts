import { expect, test } from '@jest/globals';
import { assertImageIsWithinBounds, type Image } from '../../../lambda/domain/image.ts';
import { anImage } from './an-image.ts';

const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `x${n}`);
const properties = (count: number, value = ''): Record<string, string> =>
  Object.fromEntries(many(count).map((name) => [name, value]));
/** Returns attributes whose JSON has this many bytes, 33 of them around the one value. */
const bytes = (count: number): Partial<Image> => ({ properties: { x: 'y'.repeat(count - 33) } });

test.each<[string, Partial<Image>]>([
  ['128 tags', { tags: many(128) }],
  ['128 custom properties', { properties: properties(128) }],
  ['128 KiB of both', bytes(131_072)],
])('an image may have %s', (_, attributes) => {
  expect(() => {
    assertImageIsWithinBounds(anImage(attributes));
  }).not.toThrow();
});

test.each<[string, Partial<Image>]>([
  ['129 tags', { tags: many(129) }],
  ['129 custom properties', { properties: properties(129) }],
  ['more than 128 KiB of both', bytes(131_073)],
  ['more than 128 KiB in characters of three bytes', { properties: properties(1, '名'.repeat(44_000)) }],
])('an image must not have %s', (_, attributes) => {
  expect(() => {
    assertImageIsWithinBounds(anImage(attributes));
  }).toThrow(expect.objectContaining({ code: 'image-too-large' }));
});
