import { expect, test } from '@jest/globals';
import { parseOrigins } from '../../../infra/settings/cors-origins.ts';

test.each([
  ['', []],
  ['https://console.example', ['https://console.example']],
  ['https://console.example, http://127.0.0.1:3000', ['https://console.example', 'http://127.0.0.1:3000']],
])('%j contains the origins %j', (text, origins) => {
  const parsed = parseOrigins('CORS_ORIGINS', text);

  expect(parsed).toEqual(origins);
});

test.each([
  ['a wildcard', '*'],
  ['a wildcard of a scheme', 'https://*'],
  ['a wildcard of hosts', 'https://*.example'],
  ['a slash at the end', 'https://console.example/'],
  ['a path', 'https://console.example/app'],
  ['the default port of the scheme', 'https://console.example:443'],
  ['capitals, which no browser sends', 'https://Console.example'],
  ['a host alone', 'console.example'],
  ['a character that separates directives', 'https://console;example'],
  ['a quotation mark', "https://console'example"],
  ['another scheme', 'file:///console'],
  ['the origin of pages without an origin', 'null'],
  ['nothing between two commas', ''],
])('%s is refused: %j', (_what, origin) => {
  const parsing = () => parseOrigins('CORS_ORIGINS', `https://console.example,${origin}`);

  expect(parsing).toThrow(/^"CORS_ORIGINS" must be a comma-separated list; each item is an origin such as/);
  expect(parsing).toThrow(`; got ${JSON.stringify(origin)}.`);
});
