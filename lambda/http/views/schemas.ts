import { visibilities } from '../../domain/image.ts';
import { memberStatuses } from '../../domain/membership.ts';

const uuid = '^([0-9a-f]){8}-([0-9a-f]){4}-([0-9a-f]){4}-([0-9a-f]){4}-([0-9a-f]){12}$';

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
const readOnlySum = (description: string, maxLength: number) => ({
  type: ['null', 'string'],
  readOnly: true,
  description,
  maxLength,
});
const readOnlySize = (description: string) => ({ type: ['null', 'integer'], readOnly: true, description });

/**
 * The schema of an image (Image API v2, "Image schema"): served as it stands, and what bodies are validated by. Property
 * names that it does not know are custom properties, which are strings.
 */
export const imageSchema = {
  name: 'image',
  properties: {
    id: { type: 'string', description: 'An identifier for the image', pattern: uuid },
    name: { type: ['null', 'string'], description: 'Descriptive name for the image', maxLength: 255 },
    status: { ...readOnlyString('Status of the image'), enum: statuses },
    visibility: { type: 'string', description: 'Who can see the image', enum: visibilities },
    protected: { type: 'boolean', description: 'Whether the image is kept from being deleted' },
    os_hidden: {
      type: 'boolean',
      description: 'Whether lists leave the image out unless they are asked for hidden ones',
    },
    checksum: readOnlySum("MD5 sum of the image's data", 32),
    os_hash_algo: readOnlySum('The algorithm of os_hash_value', 64),
    os_hash_value: readOnlySum("The sum of the image's data by os_hash_algo, in hexadecimal", 128),
    owner: { type: ['null', 'string'], description: 'The project that owns the image', maxLength: 255 },
    size: readOnlySize("Size of the image's data in bytes"),
    virtual_size: readOnlySize('Size of the disk that the image describes, in bytes'),
    container_format: {
      type: ['null', 'string'],
      description: 'Format of the container',
      enum: [null, ...containerFormats],
    },
    disk_format: { type: ['null', 'string'], description: 'Format of the disk', enum: [null, ...diskFormats] },
    created_at: readOnlyString('When the image was registered'),
    updated_at: readOnlyString('When the image was changed last'),
    tags: {
      type: 'array',
      description: 'Words that images can be found by',
      items: { type: 'string', maxLength: 255 },
    },
    direct_url: readOnlyString('Where the data is kept'),
    min_ram: {
      type: 'integer',
      description: 'Memory needed to boot the image, in MB',
      minimum: 0,
      maximum: 2147483647,
    },
    min_disk: { type: 'integer', description: 'Disk needed to boot the image, in GB', minimum: 0, maximum: 2147483647 },
    self: readOnlyString("The image's own path"),
    file: readOnlyString("The path of the image's data"),
    stores: readOnlyString('Where the data is kept, by name'),
    schema: readOnlyString('The path of this schema'),
  },
  additionalProperties: { type: 'string' },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
} as const;

const memberSchema = {
  name: 'member',
  properties: {
    member_id: { type: 'string', description: 'The project that the image is offered to' },
    image_id: { type: 'string', description: 'The image that is offered', pattern: uuid },
    created_at: { type: 'string', description: 'When the image was offered' },
    updated_at: { type: ['null', 'string'], description: 'When the status was changed last' },
    status: { type: 'string', description: "The member's answer to the offer", enum: memberStatuses },
    schema: { type: 'string', readOnly: true },
  },
} as const;

const page = { first: { type: 'string' }, next: { type: 'string' } };
const pageLinks = [
  { rel: 'first', href: '{first}' },
  { rel: 'next', href: '{next}' },
];

const collection = (name: string, items: object, properties: object, links: readonly object[]) => ({
  name,
  properties: { [name]: { type: 'array', items }, ...properties, schema: { type: 'string' } },
  links: [...links, { rel: 'describedby', href: '{schema}' }],
});

/** The schemas of /v2/schemas, by name. */
export const schemas: Readonly<Record<string, object>> = {
  image: imageSchema,
  images: collection('images', imageSchema, page, pageLinks),
  member: memberSchema,
  members: collection('members', memberSchema, {}, []),
};

/** The schema of a project id that can be a member. */
export const projectIdSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^(?!\\.{1,2}$)[^/?\\u0000-\\u001f\\u007f-\\u009f]+$',
} as const;

const { id: _id, ...properties } = imageSchema.properties;

/** The properties of an image that a client can set after its creation, with their schemas. */
export const writableImageProperties: Readonly<Record<string, object>> = {
  ...Object.fromEntries(Object.entries(properties).filter(([, property]) => !('readOnly' in property))),
  owner: { ...imageSchema.properties.owner, ...projectIdSchema },
};
