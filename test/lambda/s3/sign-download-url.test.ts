import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Download, signDownloadUrl } from '../../../lambda/s3/sign-download-url.ts';

/** Signs a URL with the SDK, without two parameters that it adds and that a download does not need. */
async function signedBySdk({ method, bucket, key, region, credentials, endpoint, now }: Download): Promise<string> {
  const { sessionToken, ...keys } = credentials;
  const client = new S3Client({
    region,
    credentials: { ...keys, ...(sessionToken !== undefined && { sessionToken }) },
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
  });
  const Command = method === 'GET' ? GetObjectCommand : HeadObjectCommand;
  const command = new Command({ Bucket: bucket, Key: key, ResponseContentType: 'application/octet-stream' });
  client.middlewareStack.addRelativeTo(
    (next: (input: any) => any) => (input: any) => {
      const { query, headers } = input.request as { query: Record<string, string>; headers: Record<string, string> };
      delete query['x-id'];
      delete headers['x-amz-checksum-mode'];
      return next(input);
    },
    { relation: 'before', toMiddleware: 'retryMiddleware' },
  );
  const url = await getSignedUrl(client as never, command as never, { expiresIn: 60, signingDate: now });
  client.destroy();
  return url;
}

// An URL parser would remove the segments "." and "..".
const segment = fc
  .oneof(
    fc.uuid(),
    fc.string({ minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...' !\'()*~+%&=?#:;@$,"<>[]^`{|}'), minLength: 1 }),
  )
  .filter((text) => !text.includes('/') && !/^\.+$/.test(text) && text.isWellFormed());
const word = fc.string({ unit: fc.constantFrom(...'abcXYZ019/+='), minLength: 1, maxLength: 40 });

const download: fc.Arbitrary<Download> = fc.record({
  method: fc.constantFrom('GET', 'HEAD'),
  bucket: fc.constantFrom('images', 'image-sharing-data-1abc', 'x1y'),
  key: fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/')),
  region: fc.constantFrom('us-east-1', 'eu-central-1', 'ap-southeast-2'),
  credentials: fc.record({
    accessKeyId: fc.string({ unit: fc.constantFrom(...'ABC019'), minLength: 3, maxLength: 20 }),
    secretAccessKey: word,
    sessionToken: fc.option(word, { nil: undefined }),
  }),
  endpoint: fc.constantFrom(undefined, 'http://127.0.0.1:4566', 'http://localhost:80', 'https://s3.example/base/'),
  now: fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
});

test('a URL equals the URL of the SDK', async () => {
  await fc.assert(
    fc.asyncProperty(download, async (settings) => {
      expect(signDownloadUrl(settings)).toBe(await signedBySdk(settings));
    }),
    { numRuns: 200 },
  );
});

test('a URL has these parameters', () => {
  const url = new URL(
    signDownloadUrl({
      method: 'GET',
      bucket: 'data',
      key: 'images/a b',
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'a/b+c=' },
      now: new Date('2026-01-31T23:59:59.999Z'),
    }),
  );

  expect(url.origin + url.pathname).toBe('https://data.s3.eu-central-1.amazonaws.com/images/a%20b');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD',
    'X-Amz-Credential': 'AKID/20260131/eu-central-1/s3/aws4_request',
    'X-Amz-Date': '20260131T235959Z',
    'X-Amz-Expires': '60',
    'X-Amz-Security-Token': 'a/b+c=',
    'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/),
    'X-Amz-SignedHeaders': 'host',
    'response-content-type': 'application/octet-stream',
  });
});
