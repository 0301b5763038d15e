import { v7 as uuidv7 } from 'uuid';
import type { Timestamp } from '../../../lambda/domain/clock.ts';
import type { ImageId, ProjectId } from '../../../lambda/domain/ids.ts';
import type { Image, ImageData } from '../../../lambda/domain/image.ts';

/** Returns a new shared image of the project alpha with the given attributes. */
export const anImage = (attributes: Partial<Image> = {}): Image => ({
  id: uuidv7() as ImageId,
  name: null,
  owner: 'alpha' as ProjectId,
  visibility: 'shared',
  hidden: false,
  protected: false,
  minDisk: 0,
  minRam: 0,
  diskFormat: null,
  containerFormat: null,
  tags: [],
  properties: {},
  status: 'queued',
  data: undefined,
  importJob: undefined,
  importError: undefined,
  importedBytes: 0,
  createdAt: '2026-11-23T12:00:00Z' as Timestamp,
  updatedAt: '2026-11-23T12:00:00Z' as Timestamp,
  memberCount: 0,
  version: 1,
  pendingChange: undefined,
  ...attributes,
});

/** Returns image data with the given attributes. */
export const someData = (attributes: Partial<ImageData> = {}): ImageData => ({
  size: 10,
  virtualSize: 10,
  checksum: '1'.repeat(32),
  hash: '2'.repeat(128),
  objectKey: 'images/some/data',
  ...attributes,
});

/** Returns the attributes of an image with data. */
export const active = (attributes: Partial<Image> = {}): Partial<Image> => ({
  diskFormat: 'raw',
  containerFormat: 'bare',
  status: 'active',
  data: someData(),
  ...attributes,
});

/** Returns the attributes of an image whose data is imported. */
export const importing = (attributes: Partial<Image> = {}): Partial<Image> => ({
  diskFormat: 'raw',
  containerFormat: 'bare',
  status: 'importing',
  importJob: {
    id: 'job',
    uri: 'https://images.example/data',
    actor: { projectId: 'alpha' as ProjectId, userId: 'alice', via: 'http' },
  },
  ...attributes,
});
