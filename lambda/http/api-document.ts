import { httpStatusOf, type FaultCode } from './faults.ts';
import type { ApiDocument } from './operations/discovery.ts';
import { constantHeaders } from './middlewares/response-headers.ts';
import type { Json, Operation, Precondition } from './operation.ts';
import { maxOperations, patchMediaTypes } from './requests/image-patch.ts';
import { apiOperations } from './routes.ts';
import { importMethod } from './views/import-view.ts';
import { projectIdSchema } from './views/project-id-schema.ts';
import { imageSchema } from './views/image-schema.ts';
import { schemas } from './views/schemas.ts';
import { sharingSchemas } from './views/sharing/sharing-schemas.ts';
import { writableImageProperties } from './views/writable-image-properties.ts';
import { currentVersion } from './views/versions.ts';

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } });
const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** JSON pointer with one segment (RFC 6901) to a property whose name is not blank. */
const pointer: Json = {
  type: 'string',
  maxLength: 256,
  pattern: '^/(?:[^/~]|~[01])*(?:[^/~\\s]|~[01])(?:[^/~]|~[01])*$',
};

/** Returns the schema of a PATCH body, in one of its two forms: `{"op", "path"}` or `{"<op>": "<path>"}`. */
function patchSchema(form: 'named-by-op' | 'named-by-key'): Json {
  const others = (op: string): readonly string[] => ['add', 'replace', 'remove'].filter((other) => other !== op);
  const operation = (op: string, path: Json, value: Json | undefined): Json => ({
    type: 'object',
    required: [...(form === 'named-by-op' ? ['op', 'path'] : [op]), ...(value === undefined ? [] : ['value'])],
    properties: {
      ...(form === 'named-by-op'
        ? { op: { const: op }, path }
        : { [op]: path, ...Object.fromEntries(others(op).map((other) => [other, false])) }),
      ...(value === undefined ? {} : { value }),
    },
  });
  const base = Object.entries(writableImageProperties);
  const custom: Json = {
    ...pointer,
    not: { enum: [...Object.keys(imageSchema.properties), '__proto__'].map((name) => `/${name}`) },
  };
  return {
    type: 'array',
    maxItems: maxOperations,
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

const patchSchemas = Object.fromEntries(Object.values(patchMediaTypes).map((form) => [form, patchSchema(form)]));

const time: Json = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' };
const times: Json = { created_at: time, updated_at: time };
const schemaPath = (name: string): Json => ({ schema: { const: `/v2/schemas/${name}` } });

/**
 * Schemas of responses by the name that an operation's `success` refers to. The served schemas require no property, so
 * these schemas add the required properties.
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
  'import-methods': {
    type: 'object',
    required: ['import-methods'],
    properties: {
      'import-methods': {
        type: 'object',
        required: ['description', 'type', 'value'],
        properties: {
          description: { type: 'string' },
          type: { const: 'array' },
          value: { type: 'array', items: { const: importMethod } },
        },
      },
    },
  },
};

/** Component name of a schema of the sharing API. */
const sharingName = (name: string): string => `sharing-${name}`;

/** Schemas of responses of the sharing API, which have all properties of their served schemas. */
const sharingViews: Readonly<Record<string, Json>> = Object.fromEntries(
  Object.entries(sharingSchemas).map(([name, { properties, required }]) => [
    `${sharingName(name)}-view`,
    {
      ...reference(sharingName(name)),
      type: 'object',
      required: required ?? Object.keys(properties).filter((property) => property !== 'next'),
      properties: { schema: { const: `/sharing/v1/schemas/${name}` } },
      additionalProperties: true,
    },
  ]),
);

const fault: Json = {
  type: 'object',
  required: ['message', 'code', 'title', 'error', 'request_id'],
  properties: {
    message: { type: 'string', description: 'What is wrong and what is valid' },
    code: { type: 'string', description: 'Status and title, such as "404 Not Found"' },
    title: { type: 'string' },
    error: { type: 'string', description: 'Machine-readable code' },
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
  image_id: { ...imageSchema.properties.id, description: 'Id of the image' },
  member_id: { ...projectIdSchema, description: 'Id of the project' },
  tag: { type: 'string', minLength: 1, maxLength: 255 },
  schema: { type: 'string', enum: Object.keys(schemas) },
  sharing_schema: { type: 'string', enum: Object.keys(sharingSchemas) },
  owner: { ...projectIdSchema, description: 'Id of the project that owns the images' },
};
const pathParametersOf = (path: string): readonly string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

const header = (description: string, schema: Json = { type: 'string' }): Json => ({
  description,
  required: true,
  schema,
});

/** Headers of every response. */
const commonHeaders = {
  'X-Openstack-Request-Id': header('Request id: the id of the client or a generated id'),
  'Cache-Control': header('Responses must not be cached', { const: constantHeaders['cache-control'] }),
  'X-Content-Type-Options': header('Browsers must not guess the media type', {
    const: constantHeaders['x-content-type-options'],
  }),
  Vary: header('Request headers that change the response'),
} as const;
/** Headers in addition to those of every response, by status. */
const statusHeaders: Readonly<Record<number, Readonly<Record<string, Json>>>> = {
  201: {
    Location: header('URL of the image'),
    'OpenStack-image-import-methods': header('Import methods, separated by commas', { const: importMethod }),
  },
  302: { Location: header('URL of the data, valid for 60 seconds') },
  401: { 'WWW-Authenticate': header('Authentication scheme') },
  503: { 'Retry-After': header('Seconds to wait before the next attempt') },
};
const etagHeader = { ETag: header('Entity tag for preconditions') };
/** Views that are sent with an entity tag. */
const taggedViews: ReadonlySet<string | undefined> = new Set(['image-view', 'member-view', 'sharing-member-view']);

/** Returns the headers of a response, with references to those of every response. */
const headersOf = (status: number, additional: Readonly<Record<string, Json>> = {}): Json => ({
  headers: {
    ...Object.fromEntries(Object.keys(commonHeaders).map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    ...statusHeaders[status],
    ...additional,
  },
});

/** Faults of every operation that requires a token, in addition to `internal-error`. */
const commonFaults: readonly FaultCode[] = [
  'invalid-request',
  'not-authenticated',
  'identity-unavailable',
  'try-again-later',
  'database-unavailable',
];

/** Returns the error responses by status. The description of a response lists its fault codes. */
function faultResponses(codes: readonly FaultCode[]): Json {
  const byStatus = Map.groupBy<number, string>([...codes, 'internal-error'], (code) =>
    code === 'internal-error' ? 500 : httpStatusOf(code as FaultCode),
  );
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [
      status,
      { description: [...new Set(sameStatus)].join(', '), ...headersOf(status), ...json(reference('fault')) },
    ]),
  );
}

/** Returns the request header of an operation's precondition. */
const preconditionParameter = (method: string, resource: Precondition): Json =>
  method === 'get'
    ? {
        name: 'If-None-Match',
        in: 'header',
        description: `Entity tags of the ${resource} that the client has: 304 if the current tag is among them`,
        schema: { type: 'string', example: '"1"' },
      }
    : {
        name: 'If-Match',
        in: 'header',
        description: `Entity tag of the ${resource} that is required: 412 if the current tag is another`,
        schema: { type: 'string', pattern: '^"[!#-~]*"$' },
      };

type AnyOperation = Operation<never>;

interface DescribedOperation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly operation: AnyOperation;
}

/** Operations by path, with their methods and names. */
const paths = Map.groupBy(
  Object.values(apiOperations)
    .flatMap((group) => Object.entries<AnyOperation>(group as Readonly<Record<string, AnyOperation>>))
    .map(([name, operation]): DescribedOperation => {
      const [method = '', template = ''] = operation.route.split(' ');
      return { path: template.replace('/{version}', '/v2'), method: method.toLowerCase(), name, operation };
    }),
  ({ path }) => path,
);

/** Response fields that fill path parameters, by the response's schema. */
const parametersOfView: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'image-view': { image_id: 'id' },
  'member-view': { image_id: 'image_id', member_id: 'member_id' },
};

/** Returns links to the operations whose path parameters the response contains. The caller chooses a tag. */
function linksFrom(view: string | undefined): Json {
  const fields = parametersOfView[view ?? ''];
  if (fields === undefined) return {};
  const links = [...paths].flatMap(([path, operations]) => {
    const required = pathParametersOf(path).filter((parameter) => parameter !== 'tag');
    if (required.join() !== Object.keys(fields).join()) return [];
    const parameters = Object.fromEntries(
      Object.entries(fields).map(([parameter, field]) => [parameter, `$response.body#/${field}`]),
    );
    return operations.map(({ name }) => [name, { operationId: name, parameters }]);
  });
  return { links: Object.fromEntries(links) };
}

/** Returns the media types of a request body with their schemas. */
const contentOf = ({ body, bodySchema }: AnyOperation): Json =>
  body === 'json'
    ? json(bodySchema ?? {})
    : { content: Object.fromEntries(Object.entries(bodySchema ?? {}).map(([type, schema]) => [type, { schema }])) };

function describe({ name, method, path, operation }: DescribedOperation): Json {
  const { summary, role, success, otherSuccess = [], faults, bodySchema, query = [], precondition } = operation;
  const [status, view] = success;
  return {
    operationId: name,
    summary,
    description: role === undefined ? 'Requires a token.' : `Requires the role ${role}.`,
    parameters: [
      ...pathParametersOf(path).map((parameter) => {
        const { description = parameter, ...schema } = pathParameters[parameter] ?? {};
        return { name: parameter, in: 'path', required: true, description, schema };
      }),
      ...query,
      ...(precondition === undefined ? [] : [preconditionParameter(method, precondition)]),
    ],
    ...(bodySchema === undefined ? {} : { requestBody: { required: true, ...contentOf(operation) } }),
    responses: {
      [status]: {
        description: 'Done',
        ...headersOf(status, taggedViews.has(view) ? etagHeader : {}),
        ...(view === undefined ? {} : json(reference(view))),
        ...linksFrom(view),
      },
      ...Object.fromEntries(
        otherSuccess.map((other) => [other, { description: 'Done, without data', ...headersOf(other) }]),
      ),
      ...(precondition !== undefined && method === 'get'
        ? { 304: { description: 'The client has the current state', ...headersOf(304, etagHeader) } }
        : {}),
      ...faultResponses([
        ...faults,
        ...(precondition !== undefined && method !== 'get' ? (['precondition-failed'] as const) : []),
        ...commonFaults,
        ...(['get', 'head'].includes(method) ? [] : (['outcome-unknown'] as const)),
      ]),
    },
  };
}

/** Returns the description of an operation that requires no token. */
const withoutToken = (operationId: string, summary: string, status: number, content: Json): Json => ({
  get: {
    operationId,
    summary,
    security: [],
    responses: {
      [status]: { description: 'Done', ...headersOf(status), ...content },
      ...faultResponses(['invalid-request']),
    },
  },
});

/** Returns the OpenAPI 3.1 document of the API, without the URL of a server. */
export const apiDocument = (): ApiDocument => ({
  openapi: '3.1.0',
  info: {
    title: 'Image sharing',
    version: currentVersion,
    summary: 'The part of the OpenStack Image API v2 that sharing images requires',
    description:
      'If a request does not reach the service, API Gateway responds 413, 429, 431, 500 or 503 with {"message": …}.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  security: [{ token: [] }, { bearer: [] }],
  paths: {
    '/': withoutToken('discover', 'List the supported versions', 300, json(reference('versions'))),
    '/versions': withoutToken('listVersions', 'List the supported versions', 200, json(reference('versions'))),
    '/healthcheck': withoutToken('checkHealth', 'Check that the API responds', 200, {
      content: { 'text/plain': { schema: { const: 'OK' } } },
    }),
    '/openapi.json': withoutToken(
      'describeApi',
      'Show this description',
      200,
      json({ type: 'object', required: ['openapi'] }),
    ),
    ...Object.fromEntries(
      [...paths].map(([path, operations]) => [
        path,
        Object.fromEntries(operations.map((described) => [described.method, describe(described)])),
      ]),
    ),
  },
  components: {
    securitySchemes: {
      token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' },
      bearer: { type: 'http', scheme: 'bearer' },
    },
    headers: commonHeaders,
    schemas: {
      ...schemas,
      ...Object.fromEntries(Object.entries(sharingSchemas).map(([name, schema]) => [sharingName(name), schema])),
      ...views,
      ...sharingViews,
      'sharing-history-or-access-view': {
        anyOf: ['sharing-history-view', 'sharing-access-view'].map(reference),
      },
      ...patchSchemas,
      fault,
      versions,
      schema: { type: 'object' },
    },
  },
});
