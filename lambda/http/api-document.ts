import { httpStatusOf, type FaultCode } from './faults.ts';
import type { ApiDocument } from './operations/discovery.ts';
import type { Json, Operation } from './operation.ts';
import { maxOperations, patchMediaTypes } from './requests/image-patch.ts';
import { apiOperations } from './routes.ts';
import { projectIdSchema } from './views/project-id-schema.ts';
import { imageSchema, schemas, writableImageProperties } from './views/schemas.ts';
import { currentVersion } from './views/versions.ts';

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } });
const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

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
  member_id: { ...projectIdSchema, description: 'The id of a project' },
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
function faultResponses(codes: readonly FaultCode[]): Json {
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

type AnyOperation = Operation<never>;

interface DescribedOperation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly operation: AnyOperation;
}

/** The operations by path, each with its method and name. */
const paths = Map.groupBy(
  Object.values(apiOperations)
    .flatMap((group) => Object.entries<AnyOperation>(group as Readonly<Record<string, AnyOperation>>))
    .map(([name, operation]): DescribedOperation => {
      const [method = '', template = ''] = operation.route.split(' ');
      return { path: template.replace('/{version}', '/v2'), method: method.toLowerCase(), name, operation };
    }),
  ({ path }) => path,
);

/** Path parameters that the fields of a response name, by the response's schema. */
const parametersOfView: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'image-view': { image_id: 'id' },
  'member-view': { image_id: 'image_id', member_id: 'member_id' },
};

/** Links a response to every operation whose path it fills. A tag is left out: the caller chooses it. */
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
  const { summary, role, success, faults, bodySchema, query = [] } = operation;
  const [status, view] = success;
  return {
    operationId: name,
    summary,
    description: `Requires the role ${role}.`,
    parameters: [
      ...pathParametersOf(path).map((parameter) => {
        const { description = parameter, ...schema } = pathParameters[parameter] ?? {};
        return { name: parameter, in: 'path', required: true, description, schema };
      }),
      ...query,
    ],
    ...(bodySchema === undefined ? {} : { requestBody: { required: true, ...contentOf(operation) } }),
    responses: {
      [status]: {
        description: 'Done',
        ...withHeaders(headersOf[status]),
        ...(view === undefined ? {} : json(reference(view))),
        ...linksFrom(view),
      },
      ...faultResponses([...faults, ...everywhere, ...(method === 'get' ? [] : (['outcome-unknown'] as const))]),
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
    summary: 'The OpenStack Image API v2, as far as sharing images needs it',
    description:
      'API Gateway itself answers 413, 429, 431, 500 and 503, with {"message": …}, where a request does not reach the service.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
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
        Object.fromEntries(operations.map((described) => [described.method, describe(described)])),
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
