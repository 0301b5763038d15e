import { expect, test } from '@jest/globals';
import { parseConsoleSettings } from '../../../lambda/console/console-settings.ts';

const parse = (settings: unknown) => parseConsoleSettings(JSON.stringify(settings));

test('settings are a JSON object', () => {
  const settings = { identity: { kind: 'dev' }, connectOrigins: ['https://a.example', 'http://[::1]:5000'] };

  expect(parse(settings)).toEqual(settings);
});

test.each(['', '{', '[]', 'null', '{}', '{"connectOrigins":1}'])('%j is refused', (text) => {
  expect(() => parseConsoleSettings(text)).toThrow();
});

test.each([
  ...["https://a.example; script-src 'unsafe-inline'", 'https://a;b', "https://a'b", 'https://a,b', 'https://a b'],
  ...['https://a.example\r\nset-cookie: x', 'https://*.example', '*', 'https:', "'unsafe-eval'", 'https://a.example/'],
])('the origin %j, which could change the security policy, is refused', (origin) => {
  expect(() => parse({ identity: { kind: 'dev' }, connectOrigins: ['https://b.example', origin] })).toThrow(
    `Each item of "connectOrigins" must be an origin such as https://console.example, without a path, a slash at the end or a wildcard; got ${JSON.stringify(origin)}.`,
  );
});
