import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { selectRoute } from '../../../infra/local/api-gateway/routes.ts';
import { httpStatusOf, type FaultCode } from '../../../lambda/http/faults.ts';
import { apiDocument } from '../../../lambda/http/api-document.ts';
import { routes } from '../../../lambda/http/routes.ts';
import { schemas } from '../../../lambda/http/views/schemas.ts';
import { responseHeaders } from './response-headers.ts';
import type { Suite } from '../../conformance/player.ts';

interface Operation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly headers: object }>>;
}

const document: Record<string, any> = structuredClone(apiDocument());
const described = Object.entries<Record<string, Operation>>(document['paths']).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);
const allRoutes = routes.map(({ operation, key }) => [operation, key] as const);
/** Paths that the fallback route serves. */
const withoutRoute = ['/', '/versions', '/healthcheck', '/openapi.json'];

test('it is a valid document of OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));

  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(document['openapi']).toBe('3.1.0');
});

test('every reference has a target', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(([, pointer = '']) => pointer);

  const dangling = references.filter(
    (pointer) =>
      pointer
        .split('/')
        .slice(1)
        .reduce<any>((value, key) => value?.[key], document) === undefined,
  );

  expect(references.length).toBeGreaterThan(0);
  expect(dangling).toEqual([]);
});

test('it describes every route and every path without a route, and no other path', () => {
  const served = allRoutes
    .filter(([, route]) => route !== '$default')
    .map(([name, route]) => `${name}: ${route.replace('/{version}', '/v2')}`);

  const found = described
    .filter(({ path }) => !withoutRoute.includes(path))
    .map(({ path, method, operation }) => `${operation.operationId}: ${method} ${path}`);

  expect(found.sort()).toEqual(served.sort());
  expect(described.map(({ path }) => path).filter((path) => withoutRoute.includes(path))).toEqual(withoutRoute);
});

test('names of operations are unique', () => {
  const names = described.map(({ operation }) => operation.operationId);

  expect(new Set(names).size).toBe(names.length);
});

test('only paths outside of a version require no token', () => {
  const open = described.filter(({ operation }) => operation.security?.length === 0).map(({ path }) => path);

  expect(open).toEqual(withoutRoute);
  expect(document['security']).toEqual([{ token: [] }, { bearer: [] }]);
});

test('every response has the headers that the service sends with every response', () => {
  const responses = described.flatMap(({ operation }) => Object.values(operation.responses));

  for (const { headers } of responses) {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    expect(names).toEqual(expect.arrayContaining(Object.keys(responseHeaders)));
  }
});

test('its schemas are the served schemas', () => {
  expect(document['components'].schemas).toMatchObject(schemas);
  for (const name of Object.keys(schemas)) expect(document['components'].schemas[name]).toEqual(schemas[name]);
});

test('the operations with preconditions describe them', () => {
  const found = described.flatMap(({ operation: { operationId, parameters = [], responses } }) =>
    parameters
      .filter((parameter) => parameter.in === 'header')
      .map(({ name }) => `${operationId}: ${name}, ${['304', '412'].filter((status) => status in responses).join()}`),
  );

  expect(found.sort()).toEqual([
    'addTag: If-Match, 412',
    'answerOffer: If-Match, 412',
    'changeExpiry: If-Match, 412',
    'deleteImage: If-Match, 412',
    'leaveImage: If-Match, 412',
    'removeTag: If-Match, 412',
    'showImage: If-None-Match, 304',
    'showMember: If-None-Match, 304',
    'updateImage: If-Match, 412',
    'withdrawOffer: If-Match, 412',
  ]);
});

test('the responses with an entity tag describe it', () => {
  const found = described.flatMap(({ operation: { operationId, responses } }) =>
    Object.entries(responses)
      .filter(([, { headers }]) => 'ETag' in headers)
      .map(([status]) => `${operationId} ${status}`),
  );

  expect(found.sort()).toEqual([
    'answerOffer 200',
    'changeExpiry 200',
    'createImage 201',
    'offerImage 200',
    'showImage 200',
    'showImage 304',
    'showMember 200',
    'showMember 304',
    'updateImage 200',
  ]);
});

describe('the faults', () => {
  /** All fault codes, with the reason why no operation of the document has them. */
  const codes = {
    'invalid-request': '',
    'invalid-member-status': '',
    'not-authenticated': '',
    'not-permitted': '',
    'image-not-shared': '',
    'image-protected': '',
    'attribute-read-only': '',
    'image-not-found': '',
    'member-not-found': '',
    'tag-not-found': '',
    'route-not-found': '',
    'not-supported': 'of paths that are not described',
    'method-not-allowed': 'of methods that are not described',
    'image-not-queued': '',
    'image-formats-missing': '',
    'image-has-no-data': '',
    'image-exists': '',
    'member-exists': '',
    'property-not-found': '',
    'precondition-failed': '',
    'member-quota-exceeded': '',
    'image-too-large': '',
    'project-full': '',
    'unsupported-media-type': '',
    'identity-unavailable': '',
    'try-again-later': '',
    'database-unavailable': '',
    'outcome-unknown': '',
    'standing-answer-not-found': '',
    'standing-answer-limit-exceeded': '',
    'not-started': 'of entries of a bulk request',
  } satisfies Record<FaultCode, string>;

  test.each(Object.entries(codes) as [FaultCode, string][])('%s is described with its status', (code, why) => {
    const saying = described.flatMap(({ operation }) =>
      Object.entries(operation.responses)
        .filter(([, { description }]) => description.split(', ').includes(code))
        .map(([status]) => Number(status)),
    );

    expect(new Set(saying)).toEqual(new Set(why === '' ? [httpStatusOf(code)] : []));
  });

  test('every operation with a token describes the responses 400, 401, 500 and 503', () => {
    const withToken = described.filter(({ operation }) => operation.security === undefined);

    expect(withToken).toHaveLength(allRoutes.length - 1);
    for (const { operation } of withToken) {
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['400', '401', '500', '503']));
    }
  });
});

test('every recorded response of an operation is described', () => {
  const { cases } = JSON.parse(
    readFileSync(join(import.meta.dirname, '..', '..', 'conformance', 'cases.json'), 'utf8'),
  ) as Suite;
  const keys = allRoutes.map(([name, key]) => ({ key, functionId: name }));
  const operations = new Map(described.map(({ operation }) => [operation.operationId, operation]));

  const seen = cases
    .flatMap(({ steps }) => steps)
    .flatMap((step) => {
      if (!('request' in step)) return [];
      const [path = ''] = step.request.path.split('?');
      const match = selectRoute(keys, step.request.method, path);
      const operation = operations.get(match?.route.functionId ?? '');
      const version = match?.pathParameters?.['version'];
      if (operation === undefined || !/^v2$/.test(version ?? '')) return [];
      // The service redirects to the data that the reference server sends itself.
      const isDownload = operation.operationId === 'downloadImage';
      return [step.expect.status]
        .flat()
        .map((status) => ({ operation, status: isDownload && status === 200 ? 302 : status }));
    });
  const missing = seen
    .filter(({ operation, status }) => !(status in operation.responses))
    .map(({ operation, status }) => `${operation.operationId} ${status}`);

  expect(seen.length).toBeGreaterThan(500);
  expect([...new Set(missing)]).toEqual([]);
});
