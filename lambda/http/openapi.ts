import { sortDirections, sortKeys } from '../domain/image-filter.ts';
import { visibilities } from '../domain/image.ts';
import { memberStatuses } from '../domain/membership.ts';
import { httpStatusOf, type FaultCode } from './faults.ts';
import { mostOperations, patchMediaTypes } from './requests/image-patch.ts';
import { routes } from './routes.ts';
import { imageSchema, schemas } from './views/schemas.ts';

type Json = Readonly<Record<string, unknown>>;
type OperationName = { [Group in keyof typeof routes]: keyof (typeof routes)[Group] }[keyof typeof routes];
type DescribedName = Exclude<OperationName, 'fallback'>;

/** What a route's own code does not say of it. */
interface OperationDescription {
  readonly summary: string;
  /** The status of success, with the name of a component schema where there is a body. */
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
/** What a project's id can be. */
const projectId: Json = {
  minLength: 1,
  maxLength: 255,
  pattern: '^(?!\\.{1,2}$)[^/?\\u0000-\\u001f\\u007f-\\u009f]+$',
};
const namedMember: Json = { type: 'string', ...projectId };
const namedOwner: Json = { ...imageSchema.properties.owner, ...namedMember };

/** Every operation of the routes; the type makes a forgotten one an error. */
const descriptions: Readonly<Record<DescribedName, OperationDescription>> = {
  listMembers: { summary: 'List the members of an image', success: [200, 'members-view'], faults: memberFaults },
  offerImage: {
    summary: 'Offer an image to a project',
    success: [200, 'member-view'],
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
    success: [200, 'member-view'],
    faults: ['image-not-found', 'member-not-found'],
  },
  answerOffer: {
    summary: 'Answer an offer: set the status of a member',
    success: [200, 'member-view'],
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
    success: [200, 'images-view'],
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
      {
        ...query('properties', 'Any other name is a custom property that the images have, with this value', {
          type: 'object',
          additionalProperties: { type: 'string' },
        }),
        style: 'form',
        explode: true,
      },
    ],
  },
  createImage: {
    summary: 'Register an image',
    success: [201, 'image-view'],
    faults: ['not-permitted', 'attribute-read-only', 'image-exists', 'image-too-large'],
    body: json({
      type: 'object',
      properties: {
        ...settable,
        id: imageSchema.properties.id,
        owner: { ...namedOwner, type: ['null', 'string'] },
      },
      propertyNames: { minLength: 1, maxLength: 255, not: { const: '__proto__' } },
      additionalProperties: imageSchema.additionalProperties,
    }),
  },
  showImage: { summary: 'Show an image', success: [200, 'image-view'], faults: ['image-not-found'] },
  updateImage: {
    summary: 'Change an image',
    success: [200, 'image-view'],
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
  downloadImage: { summary: "An image's data, of which there is none", success: [204], faults: imageFaults },
  showSchema: {
    summary: 'The JSON schema of image, images, member or members',
    success: [200, 'schema'],
    faults: ['route-not-found'],
  },
};

/** A JSON pointer of one step (RFC 6901), to a property whose name is not all blanks. */
const pointer: Json = {
  type: 'string',
  maxLength: 256,
  pattern: '^/(?:[^/~]|~[01])*(?:[^/~\\s]|~[01])(?:[^/~]|~[01])*$',
};

/** The list of operations of a PATCH, in one of its two forms: `{"op", "path"}`, or `{"<op>": "<path>"}`. */
function operationList(form: 'named-by-op' | 'named-by-key'): Json {
  const others = (op: string): readonly string[] => ['add', 'replace', 'remove'].filter((each) => each !== op);
  const operation = (op: string, path: Json, value: Json | undefined): Json => ({
    type: 'object',
    required: [...(form === 'named-by-op' ? ['op', 'path'] : [op]), ...(value === undefined ? [] : ['value'])],
    properties: {
      ...(form === 'named-by-op'
        ? { op: { const: op }, path }
        : { [op]: path, ...Object.fromEntries(others(op).map((each) => [each, false])) }),
      ...(value === undefined ? {} : { value }),
    },
  });
  const base = Object.entries<unknown>({ ...settable, owner: namedOwner });
  const custom: Json = {
    ...pointer,
    not: { enum: [...Object.keys(imageSchema.properties), '__proto__'].map((name) => `/${name}`) },
  };
  return {
    type: 'array',
    maxItems: mostOperations,
    items: {
      anyOf: [
        ...['add', 'replace'].flatMap((op) => [
          ...base.map(([name, property]) => operation(op, { const: `/${name}` }, property as Json)),
          operation(op, custom, imageSchema.additionalProperties),
        ]),
        operation('remove', custom, undefined),
      ],
    },
  };
}

const operationForms = Object.fromEntries(Object.values(patchMediaTypes).map((form) => [form, operationList(form)]));

const time: Json = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' };
const times: Json = { created_at: time, updated_at: time };
const schemaPath = (name: string): Json => ({ schema: { const: `/v2/schemas/${name}` } });

/**
 * What answers show, beyond the schemas that are served: these say of no property that it has to be there. A key is the
 * name by which an operation's success refers to it.
 */
const views: Readonly<Record<string, Json>> = {
  'image-view': {
    ...reference('image'),
    type: 'object',
    required: Object.keys(imageSchema.properties).filter((name) => name !== 'direct_url' && name !== 'stores'),
    properties: { ...times, ...schemaPath('image') },
  },
  'images-view': {
    ...reference('images'),
    type: 'object',
    required: ['images', 'first', 'schema'],
    properties: { images: { type: 'array', items: reference('image-view') }, ...schemaPath('images') },
  },
  'member-view': {
    ...reference('member'),
    type: 'object',
    required: ['member_id', 'image_id', 'status', 'created_at', 'updated_at', 'schema'],
    properties: { ...times, ...schemaPath('member') },
  },
  'members-view': {
    ...reference('members'),
    type: 'object',
    required: ['members', 'schema'],
    properties: { members: { type: 'array', items: reference('member-view') }, ...schemaPath('members') },
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
  additionalProperties: false,
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
  image_id: { ...imageSchema.properties.id, description: 'The id of an image' },
  member_id: { ...namedMember, description: 'The id of a project' },
  tag: { type: 'string', minLength: 1, maxLength: 255 },
  schema: { type: 'string', enum: Object.keys(schemas) },
};
const pathParametersOf = (path: string): readonly string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

const header = (description: string, required = true): Json => ({ description, required, schema: { type: 'string' } });
const headers = {
  requestId: header("The request's id: the client's own, or a new one"),
  location: header('Where the image is'),
  challenge: header('What a token has to be', false),
  retryAfter: header('When to try again, in seconds'),
} as const;
const withHeaders = (named: Readonly<Record<string, keyof typeof headers>> = {}): Json => ({
  headers: Object.fromEntries(
    Object.entries({ 'X-Openstack-Request-Id': 'requestId', ...named }).map(([name, key]) => [
      name,
      { $ref: `#/components/headers/${key}` },
    ]),
  ),
});
/** The headers that an answer of this status has besides the request's id. */
const headersOf: Readonly<Record<number, Readonly<Record<string, keyof typeof headers>>>> = {
  201: { Location: 'location' },
  401: { 'WWW-Authenticate': 'challenge' },
  503: { 'Retry-After': 'retryAfter' },
};

/** What can be wrong with every request that needs a token, besides what the service itself does wrong. */
const everywhere: readonly FaultCode[] = [
  'invalid-request',
  'not-authenticated',
  'identity-unavailable',
  'try-again-later',
  'database-unavailable',
];

/** The answers of faults by their status, each naming the codes that it stands for. */
function faultAnswers(codes: readonly FaultCode[]): Json {
  const byStatus = Map.groupBy<number, string>([...codes, 'internal-error'], (code) =>
    code === 'internal-error' ? 500 : httpStatusOf(code as FaultCode),
  );
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      status,
      { description: [...new Set(same)].join(', '), ...withHeaders(headersOf[status]), ...json(reference('fault')) },
    ]),
  );
}

/** The operations by their path: each with path, method and name. */
const paths = Map.groupBy(
  Object.values(routes)
    .flatMap((group) => Object.entries<string>(group) as [DescribedName, string][])
    .map(([name, route]) => [name, ...route.split(' ')] as const)
    .filter(([, , template]) => template !== undefined)
    .map(([name, method = '', template = '']) => [template.replace('/{version}', '/v2'), method, name] as const),
  ([path]) => path,
);

/** From what an answer shows to every operation whose path it fills, but for a tag, which the caller chooses. */
function linksFrom(view: string | undefined): Json {
  const known = { 'image-view': { image_id: 'id' }, 'member-view': { image_id: 'image_id', member_id: 'member_id' } }[
    view ?? ''
  ];
  if (known === undefined) return {};
  const links = [...paths].flatMap(([path, operations]) => {
    const wanted = pathParametersOf(path).filter((parameter) => parameter !== 'tag');
    if (wanted.join() !== Object.keys(known).join()) return [];
    const parameters = Object.fromEntries(
      Object.entries<string>(known).map(([parameter, key]) => [parameter, `$response.body#/${key}`]),
    );
    return operations.map(([, , operationId]) => [operationId, { operationId, parameters }]);
  });
  return { links: Object.fromEntries(links) };
}

function describe(name: DescribedName, method: string, path: string): Json {
  const { summary, success, faults, body, query: parameters = [] } = descriptions[name];
  const [status, view] = success;
  return {
    operationId: name,
    summary,
    parameters: [
      ...pathParametersOf(path).map((parameter) => {
        const { description = parameter, ...schema } = pathParameters[parameter] ?? {};
        return { name: parameter, in: 'path', required: true, description, schema };
      }),
      ...parameters,
    ],
    ...(body === undefined ? {} : { requestBody: { required: true, ...body } }),
    responses: {
      [status]: {
        description: 'Done',
        ...withHeaders(headersOf[status]),
        ...(view === undefined ? {} : json(reference(view))),
        ...linksFrom(view),
      },
      ...faultAnswers([...faults, ...everywhere, ...(method === 'GET' ? [] : (['outcome-unknown'] as const))]),
    },
  };
}

/** An operation that needs no token and at which nothing can be wrong but the service itself. */
const open = (operationId: string, summary: string, status: number, content: Json): Json => ({
  get: {
    operationId,
    summary,
    security: [],
    responses: {
      [status]: { description: 'Done', ...withHeaders(), ...content },
      ...faultAnswers(['invalid-request']),
    },
  },
});

/**
 * The OpenAPI 3.1 description of the whole API, made of its routes, schemas and faults.
 *
 * @param baseUrl - where the API is, without a slash at the end
 */
export const openApi = (baseUrl: string): Json => ({
  openapi: '3.1.0',
  info: {
    title: 'Image sharing',
    version: '2.17',
    summary: 'The OpenStack Image API v2, as far as sharing images needs it',
    description:
      'API Gateway itself answers 413, 429, 431, 500 and 503, with {"message": …}, where a request does not reach the service.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: baseUrl }],
  security: [{ token: [] }, { bearer: [] }],
  paths: {
    '/': open('discover', 'The versions spoken here', 300, json(reference('versions'))),
    '/versions': open('listVersions', 'The versions spoken here', 200, json(reference('versions'))),
    '/healthcheck': open('checkHealth', 'That the API answers', 200, {
      content: { 'text/plain': { schema: { const: 'OK' } } },
    }),
    '/openapi.json': open('describeApi', 'This description', 200, json({ type: 'object', required: ['openapi'] })),
    ...Object.fromEntries(
      [...paths].map(([path, operations]) => [
        path,
        Object.fromEntries(operations.map(([, method, name]) => [method.toLowerCase(), describe(name, method, path)])),
      ]),
    ),
  },
  components: {
    securitySchemes: {
      token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' },
      bearer: { type: 'http', scheme: 'bearer' },
    },
    headers,
    schemas: { ...schemas, ...views, ...operationForms, fault, versions, schema: { type: 'object' } },
  },
});
