import { expect, test } from '@jest/globals';
import { isAllowed, parseAllowedSources } from '../../../lambda/image-source/allowed-sources.ts';

test.each([
  ['8.8.8.8', 80],
  ['52.216.1.1', 443],
  ['172.32.0.1', 443],
  ['100.128.0.1', 443],
  ['2600:1f18::1', 443],
  ['2a00:1450:4001::1', 80],
])('%s on port %i is public', (address, port) => {
  expect(isAllowed('mirror.example', address, port, [])).toBe(true);
});

test.each([
  ['10.1.0.0/16', 'any.example', '10.1.2.3', 443],
  ['10.1.0.0/16:8080', 'any.example', '10.1.2.3', 8080],
  ['10.1.2.3', 'any.example', '10.1.2.3', 80],
  ['127.0.0.0/8:*', '127.0.0.1', '127.0.0.1', 9],
  ['[::1]:*', '::1', '::1', 9],
  ['[fd00::/8]', 'any.example', 'fd12::1', 443],
  ['Mirror.example', 'mirror.example', '10.9.9.9', 80],
  ['mirror.example:8080', 'mirror.example', '8.8.8.8', 8080],
  ['other.example, mirror.example:8080', 'mirror.example', '8.8.8.8', 8080],
])('"%s" allows %s at %s on port %i', (text, host, address, port) => {
  expect(isAllowed(host, address, port, parseAllowedSources(text))).toBe(true);
});

test.each([
  ['', 'mirror.example', '8.8.8.8', 8080],
  ['10.1.0.0/16', 'mirror.example', '10.2.0.1', 443],
  ['10.1.0.0/16', 'mirror.example', '10.1.2.3', 8080],
  ['10.1.0.0/16:8080', 'mirror.example', '10.1.2.3', 443],
  ['10.1.0.0/16:8080', 'mirror.example', '8.8.8.8', 8080],
  ['127.0.0.0/8:*', 'mirror.example', '::1', 80],
  ['127.0.0.0/8:*', 'mirror.example', '::ffff:127.0.0.1', 80],
  ['mirror.example:8080', 'other.example', '8.8.8.8', 8080],
  ['mirror.example', 'evil-mirror.example', '10.9.9.9', 80],
  ['mirror.example', 'mirror.example.evil.example', '10.9.9.9', 80],
])('"%s" does not allow %s at %s on port %i', (text, host, address, port) => {
  expect(isAllowed(host, address, port, parseAllowedSources(text))).toBe(false);
});

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  '0x7f.1',
  '127.1',
  '2130706433',
  'a b',
  'host:0',
  'host:65536',
  'host:',
  'http://host',
  '*',
  '::1',
  '[::1',
  '[host]',
  '-/8',
  'a..b',
])('the allowed source "%s" is not valid', (entry) => {
  expect(() => parseAllowedSources(`mirror.example,${entry}`)).toThrow(`got "${entry}"`);
});
