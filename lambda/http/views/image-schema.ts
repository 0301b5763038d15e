import { imageIdPattern } from '../../domain/ids.ts';
import { visibilities } from '../../domain/image.ts';

const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const;
const diskFormats = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'] as const;
const statuses = [
  'queued',
  'saving',
  'active',
  'killed',
  'deleted',
  'uploading',
  'importing',
  'pending_delete',
  'deactivated',
] as const;

const readOnlyString = (description: string) => ({ type: 'string', readOnly: true, description });
const readOnlyHash = (description: string, maxLength: number) => ({
  type: ['null', 'string'],
  readOnly: true,
  description,
  maxLength,
});
const readOnlySize = (description: string) => ({ type: ['null', 'integer'], readOnly: true, description });

/**
 * Schema of an image (Image API v2, "Image schema"), both served and used to validate request bodies. Other properties
 * are custom properties, which are strings.
 */
export const imageSchema = {
  name: 'image',
  properties: {
    id: { type: 'string', description: 'An identifier for the image', pattern: imageIdPattern },
    name: { type: ['null', 'string'], description: 'Descriptive name for the image', maxLength: 255 },
    status: { ...readOnlyString('Status of the image'), enum: statuses },
    visibility: { type: 'string', description: 'Who can see the image', enum: visibilities },
    protected: { type: 'boolean', description: 'true if the image cannot be deleted' },
    os_hidden: {
      type: 'boolean',
      description: 'true if only lists of hidden images contain the image',
    },
    checksum: readOnlyHash("MD5 hash of the image's data", 32),
    os_hash_algo: readOnlyHash('Algorithm of os_hash_value', 64),
    os_hash_value: readOnlyHash("Hexadecimal hash of the image's data by os_hash_algo", 128),
    owner: { type: ['null', 'string'], description: 'Project that owns the image', maxLength: 255 },
    size: readOnlySize("Size of the image's data in bytes"),
    virtual_size: readOnlySize('Size of the virtual disk in bytes'),
    container_format: {
      type: ['null', 'string'],
      description: 'Format of the container',
      enum: [null, ...containerFormats],
    },
    disk_format: { type: ['null', 'string'], description: 'Format of the disk', enum: [null, ...diskFormats] },
    created_at: readOnlyString('Time when the image was registered'),
    updated_at: readOnlyString('Time of the last change of the image'),
    tags: {
      type: 'array',
      description: 'Tags by which lists can be filtered',
      items: { type: 'string', maxLength: 255 },
    },
    direct_url: readOnlyString('Location of the data'),
    min_ram: {
      type: 'integer',
      description: 'Memory required to boot the image, in MB',
      minimum: 0,
      maximum: 2147483647,
    },
    min_disk: {
      type: 'integer',
      description: 'Disk space required to boot the image, in GB',
      minimum: 0,
      maximum: 2147483647,
    },
    self: readOnlyString('Path of the image'),
    file: readOnlyString('Path of the data'),
    stores: readOnlyString('Names of the stores of the data'),
    schema: readOnlyString('Path of this schema'),
  },
  additionalProperties: { type: 'string' },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
} as const;
