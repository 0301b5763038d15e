import { expect, test } from '@jest/globals';
import { loadConfig } from '../../../lambda/functions/config.ts';

const good = { STACK_NAME: 'ImageSharing', TABLE_NAME: 'Sharing', IDENTITY: 'none', IMAGE_MEMBER_QUOTA: '7' };
const all = ['tableName', 'identity', 'memberQuota'] as const;

test('a function gets only its settings', () => {
  expect(loadConfig({ ...good, OTHER: 'x' }, all)).toEqual({ tableName: 'Sharing', identity: 'none', memberQuota: 7 });
  expect(loadConfig(good, ['identity'])).toEqual({ identity: 'none' });
});

test('settings are frozen', () => {
  expect(Object.isFrozen(loadConfig(good, all))).toBe(true);
});

test('the default member quota is 128', () => {
  expect(loadConfig({}, ['memberQuota'])).toEqual({ memberQuota: 128 });
});

test.each(['-1', '0', '999999'])('the member quota may be %s', (text) => {
  expect(loadConfig({ IMAGE_MEMBER_QUOTA: text }, ['memberQuota'])).toEqual({ memberQuota: Number(text) });
});

test.each(['-2', '1.5', '1e3', 'many', ' 5', '0x10'])('the member quota is not %j', (text) => {
  expect(() => loadConfig({ IMAGE_MEMBER_QUOTA: text }, ['memberQuota'])).toThrow(
    `Configuration: IMAGE_MEMBER_QUOTA is ${JSON.stringify(text)}, not a whole number of members, or -1 for no limit.`,
  );
});

test('the history is kept for 400 days by default', () => {
  expect(loadConfig({}, ['historyRetentionDays'])).toEqual({ historyRetentionDays: 400 });
});

test.each(['1', '3650'])('the history may be kept for %s days', (text) => {
  expect(loadConfig({ HISTORY_RETENTION_DAYS: text }, ['historyRetentionDays'])).toEqual({
    historyRetentionDays: Number(text),
  });
});

test.each(['0', '3651', '-1', '1.5', 'x', ' 3'])('the history is not kept for %j days', (text) => {
  expect(() => loadConfig({ HISTORY_RETENTION_DAYS: text }, ['historyRetentionDays'])).toThrow(
    `Configuration: HISTORY_RETENTION_DAYS is ${JSON.stringify(text)}, not a whole number of days from 1 to 3650.`,
  );
});

test.each(['https://images.example', 'https://images.example:8443/image', 'http://127.0.0.1:8080', undefined])(
  'the public URL may be %s',
  (publicUrl) => {
    expect(loadConfig({ PUBLIC_URL: publicUrl }, ['publicUrl'])).toEqual({ publicUrl });
  },
);

test('an empty public URL counts as absent', () => {
  expect(loadConfig({ PUBLIC_URL: '' }, ['publicUrl'])).toEqual({ publicUrl: undefined });
});

test.each([
  'images.example',
  'http://images.example',
  'ftp://127.0.0.1',
  'https://images.example/',
  'https://images.example/v2?x=y',
  'https://images.example#x',
  'https://user:secret@images.example',
  'HTTPS://images.example',
])('the public URL is not %s', (text) => {
  expect(() => loadConfig({ PUBLIC_URL: text }, ['publicUrl'])).toThrow(
    `Configuration: PUBLIC_URL is ${JSON.stringify(text)}, not an https URL without a slash at the end.`,
  );
});

test('one error names every problem', () => {
  expect(() => loadConfig({ TABLE_NAME: '', IDENTITY: 'keycloak', IMAGE_MEMBER_QUOTA: 'x' }, all)).toThrow(
    'Configuration: TABLE_NAME is not set; IDENTITY is "keycloak", not one of none, dev, jwt, keystone; ' +
      'IMAGE_MEMBER_QUOTA is "x", not a whole number of members, or -1 for no limit.',
  );
});

test("a resource's name and the identity have no default", () => {
  expect(() => loadConfig({}, all)).toThrow('Configuration: TABLE_NAME is not set; IDENTITY is not set.');
});

test.each([
  ['on', true],
  ['off', false],
  [undefined, false],
])('CONSOLE=%s', (text, hasConsole) => {
  expect(loadConfig({ CONSOLE: text }, ['hasConsole'])).toEqual({ hasConsole });
});
