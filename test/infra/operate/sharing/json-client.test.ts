import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listenOnFreePort } from '../../../../infra/local/listen.ts';
import { createJsonClient } from '../../../../infra/operate/sharing/json-client.ts';
import { testCertificate } from '../../../lambda/image-source/test-certificate.ts';

let server: Awaited<ReturnType<typeof listenOnFreePort>>;
let tlsServer: Awaited<ReturnType<typeof listenOnFreePort>>;
let folder: string;
beforeAll(async () => {
  const listener: RequestListener = ({ url, socket }, response) => {
    if (url!.startsWith('/reset')) socket.destroy();
    else if (url!.startsWith('/slow')) response.writeHead(200).write('{');
    else response.end('{"is": "complete"}');
  };
  server = await listenOnFreePort(createServer(listener));
  tlsServer = await listenOnFreePort(createTlsServer(testCertificate, listener));
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-client-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.stop();
  await tlsServer.stop();
});

test.each([
  ['GET', '/slow', 0.2, ' did not respond within 0.2 s.'],
  ['POST', '/slow', 0.2, ' did not respond within 0.2 s. It is unknown whether it had an effect.'],
  ['GET', '/reset', 30, ' failed: ECONNRESET.'],
  ['PUT', '/reset', 30, ' failed: ECONNRESET. It is unknown whether it had an effect.'],
] as const)(
  '%s %s without a complete response is one sentence without the query',
  async (method, path, timeoutSeconds, sentence) => {
    const send = createJsonClient({ timeoutSeconds });
    const request = { method, url: `${server.url}${path}?marker=1`, headers: { 'x-auth-token': 'token' } };

    await expect(send(request)).rejects.toMatchObject({ message: `${method} ${server.url}${path}${sentence}` });
  },
);

test('only a server with a certificate of the certificate file is trusted', async () => {
  const certificateFile = join(folder, 'ca.pem');
  writeFileSync(certificateFile, testCertificate.cert);
  const origin = tlsServer.url.replace('http://127.0.0.1', 'https://localhost');
  const request = { method: 'POST', url: `${origin}/`, headers: {} } as const;

  const response = await createJsonClient({ certificateFile, timeoutSeconds: 30 })(request);
  expect({ status: response.status, body: response.body }).toEqual({ status: 200, body: { is: 'complete' } });

  const send = createJsonClient({ timeoutSeconds: 30 });
  const advice = 'check the URL, or set OS_CACERT to a file with the certificate authorities to trust.';
  await expect(send(request)).rejects.toMatchObject({
    message: `The TLS connection to ${origin} failed (DEPTH_ZERO_SELF_SIGNED_CERT): ${advice}`,
  });
});
