import { sortDirections, sortKeys } from '../domain/image-filter.ts';
import { visibilities } from '../domain/image.ts';
import { memberStatuses } from '../domain/membership.ts';
import { statusOf, type FaultCode } from './faults.ts';
import { patchMediaTypes } from './image-patch.ts';
import { routes } from './routes.ts';
import { imageSchema, schemas } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;
type OperationName = { [Group in keyof typeof routes]: keyof (typeof routes)[Group] }[keyof typeof routes];

/** What a route's own code does not say of it. */
interface OperationDescription {
  readonly summary: string;
  /** The status of success, with the name of a schema where there is a body. */
  readonly success: readonly [status: number, schema?: string];
  /** What can be wrong, besides what can be with every request. */
  readonly faults: readonly FaultCode[];
  readonly body?: Json;
  readonly query?: readonly Json[];
}

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } });
const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const query = (name: string, description: string, schema: Json): Json => ({ name, in: 'query', description, schema });

const memberFaults: readonly FaultCode[] = ['image-not-found', 'not-permitted', 'image-not-shared'];
const imageFaults: readonly FaultCode[] = ['image-not-found', 'not-permitted'];

const {
  id: _id,
  owner: _owner,
  ...settable
} = Object.fromEntries(Object.entries(imageSchema.properties).filter(([, property]) => !('readOnly' in property)));
const namedMember: Json = {
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^[^/?\\u0000-\\u001f\\u007f-\\u009f]+$',
};

/** Every operation of the routes; the type makes a forgotten one an error. */
const descriptions: Readonly<Record<Exclude<OperationName, 'fallback'>, OperationDescription>> = {
  listMembers: { summary: 'List the members of an image', success: [200, 'members'], faults: memberFaults },
  offerImage: {
    summary: 'Offer an image to a project',
    success: [200, 'member'],
    faults: [...memberFaults, 'member-exists', 'member-quota-exceeded'],
    body: json({
      type: 'object',
      properties: {
        member_id: { ...namedMember, description: 'The project' },
        member: { ...namedMember, description: 'The project, under its former name', deprecated: true },
      },
      anyOf: [{ required: ['member_id'] }, { required: ['member'] }],
    }),
  },
  showMember: {
    summary: 'Show a member of an image',
    success: [200, 'member'],
    faults: ['image-not-found', 'member-not-found'],
  },
  answerOffer: {
    summary: 'Answer an offer: set the status of a member',
    success: [200, 'member'],
    faults: [...memberFaults, 'member-not-found', 'invalid-member-status'],
    body: json({
      type: 'object',
      required: ['status'],
      properties: { status: { type: 'string', enum: memberStatuses } },
    }),
  },
  withdrawOffer: {
    summary: 'Withdraw an offer: remove a member',
    success: [204],
    faults: [...memberFaults, 'member-not-found'],
  },
  listImages: {
    summary: 'List images',
    success: [200, 'images'],
    faults: ['not-permitted'],
    query: [
      query('limit', 'The most images of a page; more than 1000 is served as 1000', {
        type: 'integer',
        minimum: 0,
        default: 25,
      }),
      query('marker', 'The id of the last image of the page before', { type: 'string' }),
      query('visibility', 'Whose images; community images of others only where they are asked for', {
        type: 'string',
        enum: [...visibilities, 'all'],
      }),
      query('member_status', "The caller's answer to the offers shown", {
        type: 'string',
        enum: [...memberStatuses, 'all'],
        default: 'accepted',
      }),
      query('owner', 'The project that owns the images', { type: 'string' }),
      query('os_hidden', 'Hidden images instead of the others', { type: 'string', enum: ['true', 'false'] }),
      query('protected', 'Images that are kept from being deleted, or are not', {
        type: 'string',
        enum: ['true', 'false'],
      }),
      ...['name', 'status', 'id', 'container_format', 'disk_format'].map((name) =>
        query(name, 'The value, or eq:<value>, or in:<value>,<value>', { type: 'string' }),
      ),
      ...['created_at', 'updated_at'].map((name) =>
        query(name, 'A time of ISO 8601, also after eq:, neq:, gt:, gte:, lt:, lte:', { type: 'string' }),
      ),
      query('tag', 'A tag that the images have; all of several', { type: 'array', items: { type: 'string' } }),
      query('sort', 'Keys with directions, as name:asc,created_at:desc', { type: 'string' }),
      query('sort_key', 'What to sort by', { type: 'array', items: { type: 'string', enum: sortKeys } }),
      query('sort_dir', 'The direction, one for each sort_key or one for all', {
        type: 'array',
        items: { type: 'string', enum: sortDirections },
      }),
    ],
  },
  createImage: {
    summary: 'Register an image',
    success: [201, 'image'],
    faults: ['not-permitted', 'attribute-read-only', 'image-exists', 'image-too-large'],
    body: json({
      type: 'object',
      properties: { ...settable, id: imageSchema.properties.id, owner: imageSchema.properties.owner },
      additionalProperties: imageSchema.additionalProperties,
    }),
  },
  showImage: { summary: 'Show an image', success: [200, 'image'], faults: ['image-not-found'] },
  updateImage: {
    summary: 'Change an image',
    success: [200, 'image'],
    faults: [...imageFaults, 'attribute-read-only', 'property-not-found', 'image-too-large', 'unsupported-media-type'],
    body: {
      content: Object.fromEntries(
        Object.entries(patchMediaTypes).map(([mediaType, form]) => [mediaType, { schema: reference(form) }]),
      ),
    },
  },
  deleteImage: {
    summary: 'Delete an image and its memberships',
    success: [204],
    faults: [...imageFaults, 'image-protected'],
  },
  addTag: { summary: 'Tag an image', success: [204], faults: [...imageFaults, 'image-too-large'] },
  removeTag: { summary: 'Take a tag off an image', success: [204], faults: [...imageFaults, 'tag-not-found'] },
  downloadImage: { summary: "An image's data, of which there is none", success: [204], faults: ['image-not-found'] },
  showSchema: {
    summary: 'The JSON schema of image, images, member or members',
    success: [200, 'schema'],
    faults: ['route-not-found'],
  },
};

const operationForms: Readonly<Record<string, Json>> = {
  'named-by-op': {
    type: 'array',
    items: {
      type: 'object',
      required: ['op', 'path'],
      properties: { op: { enum: ['add', 'replace', 'remove'] }, path: { type: 'string' }, value: {} },
    },
  },
  'named-by-key': {
    type: 'array',
    items: {
      type: 'object',
      properties: { add: { type: 'string' }, replace: { type: 'string' }, remove: { type: 'string' }, value: {} },
    },
  },
};

const fault: Json = {
  type: 'object',
  required: ['message', 'code', 'title', 'error', 'request_id'],
  properties: {
    message: { type: 'string', description: 'What is wrong, and what would be right' },
    code: { type: 'string', description: 'The status in words, as "404 Not Found"' },
    title: { type: 'string' },
    error: { type: 'string', description: 'The machine-readable code' },
    request_id: { type: 'string' },
  },
};

const versions: Json = {
  type: 'object',
  required: ['versions'],
  properties: {
    versions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'status', 'links'],
        properties: { id: { type: 'string' }, status: { enum: ['CURRENT', 'SUPPORTED'] }, links: { type: 'array' } },
      },
    },
  },
};

const pathParameters: Readonly<Record<string, Json>> = {
  image_id: { type: 'string', description: 'The id of an image, a lower-case UUID' },
  member_id: { type: 'string', description: 'The id of a project' },
  tag: { type: 'string', minLength: 1, maxLength: 255 },
  schema: { type: 'string', enum: Object.keys(schemas) },
};

const answers = (success: Json, codes: readonly FaultCode[]): Json => ({
  ...success,
  ...Object.fromEntries(
    codes.map((code) => [
      statusOf(code),
      {
        description: codes.filter((each) => statusOf(each) === statusOf(code)).join(', '),
        ...json(reference('fault')),
      },
    ]),
  ),
});

function describe(
  name: string,
  { summary, success: [status, schema], faults, body, query: parameters = [] }: OperationDescription,
  path: string,
): Json {
  return {
    operationId: name,
    summary,
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, parameter = '']) => {
        const { description, ...rest } = pathParameters[parameter] ?? {};
        return {
          name: parameter,
          in: 'path',
          required: true,
          ...(description === undefined ? {} : { description }),
          schema: rest,
        };
      }),
      ...parameters,
    ],
    ...(body === undefined ? {} : { requestBody: { required: true, ...body } }),
    responses: answers(
      { [status]: { description: 'Done', ...(schema === undefined ? {} : json(reference(schema))) } },
      ['invalid-request', 'not-authenticated', ...faults, 'try-again-later'],
    ),
  };
}

const open = (operationId: string, summary: string, responses: Json): Json => ({
  get: { operationId, summary, security: [], responses },
});

/**
 * The OpenAPI 3.1 description of the whole API, made of its routes, schemas and faults.
 *
 * @param baseUrl - where the API is, without a slash at the end
 */
export function openApi(baseUrl: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.values(routes).flatMap((group) => Object.entries<string>(group))) {
    const [method = '', template] = route.split(' ');
    if (template === undefined) continue; // $default
    const path = template.replace('/{version}', '/v2');
    (paths[path] ??= {})[method.toLowerCase()] = describe(name, descriptions[name as keyof typeof descriptions], path);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Image sharing',
      version: '2.17',
      summary: 'The OpenStack Image API v2, as far as sharing images needs it',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: baseUrl }],
    security: [{ token: [] }, { bearer: [] }],
    paths: {
      '/': open('discover', 'The versions spoken here', {
        300: { description: 'Choose one', ...json(reference('versions')) },
      }),
      '/versions': open('listVersions', 'The versions spoken here', {
        200: { description: 'Choose one', ...json(reference('versions')) },
      }),
      '/healthcheck': open('checkHealth', 'That the API answers', {
        200: { description: 'It does', content: { 'text/plain': { schema: { type: 'string' } } } },
      }),
      ...paths,
    },
    components: {
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      schemas: { ...schemas, ...operationForms, fault, versions, schema: { type: 'object' } },
    },
  };
}
