import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { loadSettings } from '../../../infra/local/settings.ts';

test('without any variable it listens where Image API servers do and keeps data in the checkout', () => {
  const settings = loadSettings({ PORT: '', DATA_DIR: '', DYNAMODB_ENDPOINT: '', CORS_ORIGINS: '' });

  const dataFolder = join(import.meta.dirname, '..', '..', '..', '.data');
  expect(settings).toEqual({ port: 9292, dataFolder, tableEndpoint: undefined, corsOrigins: [] });
});

test('each variable is taken', () => {
  const settings = loadSettings({
    PORT: '0',
    DATA_DIR: '/data',
    DYNAMODB_ENDPOINT: 'http://127.0.0.1:8000',
    CORS_ORIGINS: 'https://console.example',
  });

  expect(settings).toEqual({
    port: 0,
    dataFolder: '/data',
    tableEndpoint: 'http://127.0.0.1:8000',
    corsOrigins: ['https://console.example'],
  });
});

test.each([
  ['PORT', 'abc', 'PORT is "abc", which is no port: set it to a number from 0 to 65535.'],
  ['PORT', '65536', 'PORT is "65536"'],
  ['PORT', '-1', 'PORT is "-1"'],
  ['PORT', '80 ', 'PORT is "80 "'],
  ['DYNAMODB_ENDPOINT', 'localhost:8000', 'DYNAMODB_ENDPOINT is "localhost:8000", which is no address'],
  ['DYNAMODB_ENDPOINT', '8000', 'DYNAMODB_ENDPOINT is "8000"'],
  ['CORS_ORIGINS', '*', 'CORS_ORIGINS has "*", which is no origin'],
])('%s=%s is refused', (variable, value, sentence) => {
  const loading = () => loadSettings({ [variable]: value });

  expect(loading).toThrow(sentence);
});
