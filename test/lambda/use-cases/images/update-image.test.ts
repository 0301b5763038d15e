import { expect, test } from '@jest/globals';
import type { Timestamp } from '../../../../lambda/domain/clock.ts';
import type { ImageRepository } from '../../../../lambda/domain/repositories/image-repository.ts';
import type { Image } from '../../../../lambda/domain/image.ts';
import { createUpdateImage } from '../../../../lambda/use-cases/images/update-image.ts';
import { aCaller } from '../../domain/a-caller.ts';
import { anImage } from '../../domain/an-image.ts';

/** Renames an image at a time, without concurrent changes. */
const rename = (image: Image, at: string): Promise<Image> => {
  const images: Pick<ImageRepository, 'find' | 'update'> = {
    find: (imageId) => Promise.resolve({ imageId, image, memberships: new Map() }),
    update: (before, after) => Promise.resolve({ ...after, version: before.version + 1 }),
  };
  const updateImage = createUpdateImage(images as ImageRepository, () => new Date(at));
  const caller = aCaller('alpha:member');
  return updateImage({ imageId: image.id, change: (attributes) => ({ ...attributes, name: 'new' }), caller });
};

test('an updated image has the written version', async () => {
  const image = anImage({ version: 7 });

  const updated = await rename(image, '2026-11-23T13:00:00Z');

  expect(updated).toMatchObject({ name: 'new', version: 8 });
});

test.each([
  ['2026-11-23T13:00:00Z', '2026-11-23T13:00:00Z'],
  ['2026-11-23T11:59:59Z', '2026-11-23T12:00:00Z'],
])('an image of 12:00:00 that is updated at %s has the time %s', async (at, updatedAt) => {
  const image = anImage({ updatedAt: '2026-11-23T12:00:00Z' as Timestamp });

  const updated = await rename(image, at);

  expect(updated.updatedAt).toBe(updatedAt);
});
