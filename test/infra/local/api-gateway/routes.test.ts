import { describe, expect, test } from '@jest/globals';
import { httpApiRoutes, selectRoute } from '../../../../infra/local/api-gateway/routes.ts';
import { testStack } from '../../../support/engine.ts';
import { consoleRoute, routes as apiRoutes } from '../../../../lambda/http/routes.ts';

const declaredRoutes = [...apiRoutes, { key: consoleRoute, function: 'console' }];
const routes = [
  'GET /pets/dog/1',
  'GET /pets/dog/{id}',
  'GET /pets/{proxy+}',
  'ANY /pets/cat',
  'ANY /{proxy+}',
  '$default',
].map((key) => ({ key, functionId: 'Function' }));

// The first four rows are the example of API Gateway's documentation.
describe('the most specific route is selected', () => {
  test.each([
    ['GET', '/pets/dog/1', 'GET /pets/dog/1', undefined],
    ['GET', '/pets/dog/2', 'GET /pets/dog/{id}', { id: '2' }],
    ['GET', '/pets/horse/3', 'GET /pets/{proxy+}', { proxy: 'horse/3' }],
    ['POST', '/pets/dog/1', 'ANY /{proxy+}', { proxy: 'pets/dog/1' }],
    ['GET', '/pets/cat', 'ANY /pets/cat', undefined],
    ['GET', '/', '$default', undefined],
    ['GET', '/pets/', 'ANY /{proxy+}', { proxy: 'pets/' }],
    ['GET', '/pets/dog/', 'GET /pets/{proxy+}', { proxy: 'dog/' }],
  ])('for %s %s: %s', (method, path, key, pathParameters) => {
    const match = selectRoute(routes, method, path);

    expect([match?.route.key, match?.pathParameters]).toEqual([key, pathParameters]);
  });

  test.each([[['ANY /a', 'GET /a']], [['GET /a', 'ANY /a']]])('a named method before any, of %s', (keys) => {
    const match = selectRoute(
      keys.map((key) => ({ key, functionId: 'Function' })),
      'GET',
      '/a',
    );

    expect(match?.route.key).toBe('GET /a');
  });

  test('no route without a match and without a $default', () => {
    const match = selectRoute(routes.slice(0, 1), 'GET', '/pets');

    expect(match).toBeUndefined();
  });
});

test('the routes of the synthesized template are those of the operations and of the console', () => {
  const served = httpApiRoutes(testStack()).map(({ key }) => key);

  expect(served.toSorted()).toEqual(declaredRoutes.map(({ key }) => key).toSorted());
});

test('a route to an alias has the function of the alias', () => {
  const functions = httpApiRoutes(testStack()).map(({ key, functionId }) => [
    key,
    functionId.replace(/Function[0-9A-F]{8}$/, '').toLowerCase(),
  ]);

  expect(functions.toSorted()).toEqual(declaredRoutes.map((route) => [route.key, route.function]).toSorted());
});

test('a stage other than $default is an error', () => {
  const stage = { Type: 'AWS::ApiGatewayV2::Stage', Properties: { StageName: 'prod' } };

  const reading = () => httpApiRoutes({ name: 'Test', resources: { stage }, assets: {} });

  expect(reading).toThrow('"StageName" in the template must be $default; got "prod".');
});

test('a route without a function is an error with its key', () => {
  const route = { Type: 'AWS::ApiGatewayV2::Route', Properties: { RouteKey: 'GET /a' } };

  const reading = () => httpApiRoutes({ name: 'Test', resources: { route }, assets: {} });

  expect(reading).toThrow('The target of the route GET /a must be a function');
});
