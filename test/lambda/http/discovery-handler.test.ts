import { describe, expect, test } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { discoveryHandler } from '../../../lambda/http/discovery-handler.ts';
import { apiDocument } from '../../../lambda/http/api-document.ts';
import { routes } from '../../../lambda/http/routes.ts';
import { sharingSchemas } from '../../../lambda/http/views/sharing/sharing-schemas.ts';
import { versionsView } from '../../../lambda/http/views/versions.ts';
import { createDevVerifier } from '../../../lambda/identity/dev.ts';
import { aTelemetry } from '../../support/a-telemetry.ts';
import { httpEvent, type RequestOptions } from '../../support/service.ts';

const handler = discoveryHandler(apiDocument(), { identity: createDevVerifier(), telemetry: aTelemetry() });

async function ask(method: string, url: string, options: RequestOptions = {}) {
  const { statusCode, headers, body } = await handler(httpEvent(method, url, options), {} as Context);
  return { status: statusCode, headers, body };
}
const withToken = { as: 'alpha:reader' };

const withConsole = discoveryHandler(apiDocument(), { identity: createDevVerifier(), telemetry: aTelemetry() }, true);

describe('/console', () => {
  test.each([
    ['GET', '/console'],
    ['GET', '/console/'],
    ['HEAD', '/console'],
    ['GET', '/console/?x=y'],
  ])('%s %s redirects to the page, without a token', async (method, path) => {
    const { statusCode, headers } = await withConsole(httpEvent(method, path, {}), {} as Context);

    expect([statusCode, headers['location']]).toEqual([302, 'https://api.test/console/index.html']);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });

  test('redirects below the configured public URL', async () => {
    const dependencies = {
      identity: createDevVerifier(),
      telemetry: aTelemetry(),
      publicUrl: 'https://images.example',
    };
    const configured = discoveryHandler(apiDocument(), dependencies, true);

    const { headers } = await configured(httpEvent('GET', '/console', {}), {} as Context);

    expect(headers['location']).toBe('https://images.example/console/index.html');
  });

  test.each([
    ['POST', '/console', 300],
    ['GET', '/Console', 300],
    ['GET', '//console', 300],
    ['POST', '/console/index.html', 300],
    ['OPTIONS', '/console', 200],
    ['GET', '/sharing/v1/console', 401],
    ['GET', '/v2/console', 401],
  ])('%s %s does not: %i', async (method, path, status) => {
    const { statusCode } = await withConsole(httpEvent(method, path, {}), {} as Context);

    expect(statusCode).toBe(status);
  });

  test.each(['/sharing/v1/nope', '/sharing/v1', '/sharing/v1/console/index.html'])(
    'GET %s with a token is still 404',
    async (path) => {
      const { statusCode } = await withConsole(httpEvent('GET', path, withToken), {} as Context);

      expect(statusCode).toBe(404);
    },
  );

  test('is a path outside of every version if there is no console', async () => {
    expect((await ask('GET', '/console')).status).toBe(300);
  });
});

const versions = versionsView('https://api.test');

describe('without a token', () => {
  test.each([
    ['GET', '/'],
    ['HEAD', '/'],
    ['POST', '/'],
    ['GET', '/nope'],
    ['GET', '/v1'],
    ['GET', '/v3/images'],
    ['GET', '/v2.14/images'],
    ['GET', '/V2/images'],
    ['DELETE', '/v1/images/x'],
    ['GET', '/v9/schemas/image'],
    ['GET', '//v2'],
    ['GET', '/sharing'],
    ['GET', '/sharing/'],
    ['GET', '/sharing/v2'],
    ['GET', '/sharing/v2/offers'],
    ['PUT', '/sharing/v1.0/standing-answers/x'],
    ['GET', '/sharing/V1/standing-answers'],
    ['GET', '/Sharing/v1/standing-answers'],
  ])('%s %s is 300 with the list of versions', async (method, path) => {
    const { status, headers, body } = await ask(method, path);

    expect(status).toBe(300);
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-openstack-request-id': expect.any(String) });
    expect(JSON.parse(body!)).toEqual(versions);
  });

  test.each([
    ['GET', '/versions'],
    ['POST', '/versions'],
    ['GET', '/versions/'],
    ['GET', '/versions/v2'],
  ])('%s %s is 200 with the list of versions', async (method, path) => {
    const { status, body } = await ask(method, path);

    expect([status, JSON.parse(body!)]).toEqual([200, versions]);
  });

  test.each(['/', '/versions', '/v2', '/v2/', '/v2/images', '/v2/nope', '/healthcheck', '/nope'])(
    'OPTIONS %s is 200',
    async (path) => {
      const { status, headers, body } = await ask('OPTIONS', path);

      expect([status, body]).toEqual([200, undefined]);
      expect(headers).not.toHaveProperty('content-type');
    },
  );

  test.each(['/healthcheck', '/healthcheck/'])('GET %s is 200', async (path) => {
    const { status, headers, body } = await ask('GET', path);

    expect([status, headers['content-type'], body]).toEqual([200, 'text/plain; charset=utf-8', 'OK']);
  });

  test('GET /openapi.json is 200 with a description of every route', async () => {
    const { status, body } = await ask('GET', '/openapi.json');

    const { paths, servers } = JSON.parse(body!);
    const described = Object.entries<object>(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routed = routes.map(({ key }) => key);
    expect(status).toBe(200);
    expect(servers).toEqual([{ url: 'https://api.test' }]);
    expect(described).toEqual(
      expect.arrayContaining(
        routed.filter((route) => route !== '$default').map((route) => route.replace('{version}', 'v2')),
      ),
    );
  });

  test.each([
    ['GET', '/v2/'],
    ['GET', '/v2/nope'],
    ['GET', '/v2.9/nope'],
    ['POST', '/v2/images/x'],
    ['HEAD', '/v2/images'],
    ['GET', '/v2/schemas/image'],
    ['GET', '/v2/schemas/nope'],
    ['GET', '/sharing/v1'],
    ['GET', '/sharing/v1/'],
    ['GET', '/sharing/v1/nope'],
    ['PATCH', '/sharing/v1/standing-answers'],
    ['GET', '/sharing/v1/schemas/member'],
    ['GET', '/sharing/v1/schemas/nope'],
  ])('%s %s is 401, before it is known what is there', async (method, path) => {
    const { status, headers } = await ask(method, path);

    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer');
  });
});

test('links are built from the configured public URL', async () => {
  const publicUrl = 'https://images.example/image';
  const configured = discoveryHandler(apiDocument(), {
    identity: createDevVerifier(),
    telemetry: aTelemetry(),
    publicUrl,
  });
  const bodyOf = async (path: string) =>
    JSON.parse((await configured(httpEvent('GET', path, {}), {} as Context)).body ?? '');

  expect(await bodyOf('/')).toEqual(versionsView(publicUrl));
  expect(await bodyOf('/versions')).toEqual(versionsView(publicUrl));
  expect((await bodyOf('/openapi.json')).servers).toEqual([{ url: publicUrl }]);
  const { headers } = await configured(httpEvent('GET', '/v2', withToken), {} as Context);
  expect(headers['location']).toBe(`${publicUrl}/v2/`);
});

describe('with a token', () => {
  test.each(['/v2', '/v2.9'])('GET %s leads to /v2/', async (path) => {
    const { status, headers } = await ask('GET', path, withToken);

    expect([status, headers['location']]).toEqual([302, 'https://api.test/v2/']);
  });

  test.each([
    '/v2/',
    '/v2/nope',
    '/v2/images/',
    '/v2/images/x/members/',
    '/v2/images/x/y/z',
    '/v2//images',
    '/v2.3/schemas',
    '/sharing/v1',
    '/sharing/v1/',
    '/sharing/v1/nope',
    '/sharing/v1/standing-answers/',
    '/sharing/v1/standing-answers/x/',
    '/sharing/v1/standing-answers/x/y',
    '/sharing/v1//standing-answers',
    '/sharing/v1/memberships',
    '/sharing/v1/memberships/',
    '/sharing/v1/images/x/members/',
    '/sharing/v1/images/x/members/y',
    '/sharing/v1/images/x/members/y/expiry/',
    '/sharing/v1/schemas',
    '/sharing/v1/schemas/',
  ])('GET %s is 404', async (path) => {
    const { status, body } = await ask('GET', path, withToken);

    expect([status, JSON.parse(body!).error]).toEqual([404, 'route-not-found']);
  });

  test.each([
    ['PUT', '/v2/images/x/file'],
    ['PUT', '/v2.9/images/x/file'],
    ['PUT', '/v2/images/x/stage'],
    ['POST', '/v2/images/x/stage'],
    ['GET', '/v2/images/x/locations'],
    ['GET', '/v2/info/stores'],
    ['GET', '/v2/stores'],
    ['GET', '/v2/tasks'],
    ['GET', '/v2/metadefs/namespaces'],
    ['GET', '/v2/cache'],
  ])('%s %s is 404 and says that it is not supported', async (method, path) => {
    const { status, body } = await ask(method, path, withToken);

    expect([status, JSON.parse(body!).error]).toEqual([404, 'not-supported']);
  });

  test.each(['file', 'stage'])('PUT of the %s of an image names the import command of each client', async (name) => {
    const { body } = await ask('PUT', `/v2/images/x/${name}`, withToken);

    expect(JSON.parse(body!).message).toBe(
      'This service accepts no uploads; import the data from a URL instead: "openstack image import --method web-download --uri <URL> <image>" or "glance image-import <image> --import-method web-download --uri <URL>".',
    );
  });

  test.each(['/v2/info/import', '/v2.9/info/import'])('GET %s lists the import methods', async (path) => {
    const { status, body } = await ask('GET', path, withToken);

    expect([status, JSON.parse(body!)]).toEqual([
      200,
      {
        'import-methods': { description: 'Import methods available.', type: 'array', value: ['web-download'] },
      },
    ]);
  });

  const member = '/v2/images/71c675ab-d94f-49cd-a114-e12490b328d9/members/beta';
  test.each([
    ['POST', member, 'GET, PUT, DELETE'],
    ['PATCH', member, 'GET, PUT, DELETE'],
    ['HEAD', member, 'GET, PUT, DELETE'],
    ['PUT', '/v2/images/x/members', 'GET, POST'],
    ['DELETE', '/v2.5/images/x/members', 'GET, POST'],
    ['HEAD', '/v2/images/x/members', 'GET, POST'],
    ['PUT', '/v2/images', 'GET, POST'],
    ['HEAD', '/v2/images', 'GET, POST'],
    ['PUT', '/v2/images/x', 'GET, PATCH, DELETE'],
    ['GET', '/v2/images/x/tags/t', 'PUT, DELETE'],
    ['POST', '/v2/schemas/member', 'GET'],
    ['HEAD', '/v2/schemas/member', 'GET'],
    ['DELETE', '/v2/images/x/file', 'GET, HEAD, PUT'],
    ['GET', '/v2/images/x/import', 'POST'],
    ['PUT', '/v2/images/x/actions/deactivate', 'POST'],
    ['GET', '/v2/images/x/actions/reactivate', 'POST'],
    ['POST', '/v2/info/import', 'GET'],
    ['PATCH', '/sharing/v1/standing-answers/x', 'GET, PUT, DELETE'],
    ['POST', '/sharing/v1/standing-answers/x', 'GET, PUT, DELETE'],
    ['HEAD', '/sharing/v1/standing-answers', 'GET'],
    ['DELETE', '/sharing/v1/standing-answers', 'GET'],
    ['GET', '/sharing/v1/answers', 'POST'],
    ['PUT', '/sharing/v1/withdrawals', 'POST'],
    ['GET', '/sharing/v1/memberships/x', 'DELETE'],
    ['HEAD', '/sharing/v1/images/x/members', 'GET'],
    ['POST', '/sharing/v1/images/x/members', 'GET'],
    ['GET', '/sharing/v1/images/x/members/y/expiry', 'PUT'],
    ['DELETE', '/sharing/v1/images/x/members/y/expiry', 'PUT'],
    ['POST', '/sharing/v1/schemas/member', 'GET'],
  ])('%s %s is 405 and names the methods that are: %s', async (method, path, allow) => {
    const { status, headers, body } = await ask(method, path, withToken);

    expect([status, headers['allow'], JSON.parse(body!).error]).toEqual([405, allow, 'method-not-allowed']);
  });

  test.each(['image', 'images', 'member', 'members'])('the schema %s is there', async (name) => {
    const { status, body } = await ask('GET', `/v2/schemas/${name}`, withToken);

    expect([status, JSON.parse(body!).name]).toEqual([200, name]);
  });

  test.each(Object.keys(sharingSchemas))('the schema %s of the sharing API is there', async (name) => {
    const { status, body } = await ask('GET', `/sharing/v1/schemas/${name}`, withToken);

    expect([status, JSON.parse(body!).name]).toEqual([200, name]);
  });

  const noSchemas = ['nope', 'Image', '__proto__', 'constructor', 'toString'];
  test.each([
    ...noSchemas.map((name) => `/v2/schemas/${name}`),
    ...noSchemas.map((name) => `/sharing/v1/schemas/${name}`),
  ])('there is no schema %s', async (path) => {
    const answers = await Promise.all(['GET', 'POST', 'HEAD'].map((method) => ask(method, path, withToken)));

    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
  });
});
