import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Image } from '../../../../lambda/domain/image.ts';
import { variables } from '../../../../lambda/functions/config.ts';
import { createTestTable, type TestTable } from '../../../support/engine.ts';
import { seedImage, type Seed } from '../../../support/seed.ts';
import { startService, type Service } from '../../../support/service.ts';
import { active, importing, someData } from '../../domain/an-image.ts';
import { permissions } from '../../permission-table.ts';
import { aFault } from '../a-fault.ts';
import { responseHeaders } from '../response-headers.ts';

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  const identity = { [variables.identity]: 'dev', [variables.imageEndpoint]: 'http://127.0.0.1:9' };
  service = await startService(table.endpoint, table.tableName, 128, identity);
});
afterAll(() => table.drop());

const formats = { diskFormat: 'raw', containerFormat: 'bare' };

/** An image of alpha's that was offered to beta, pending, and to gamma, rejected. */
const offered = (attributes: Partial<Image>, seed: Partial<Seed> = {}): Promise<Image> =>
  seedImage(table, {
    owner: 'alpha',
    members: [
      { project: 'beta', status: 'pending' },
      { project: 'gamma', status: 'rejected' },
    ],
    attributes,
    ...seed,
  });
const send = ({ id }: Image, method: string, path: string, as: string, body?: unknown) =>
  service.request(method, `/v2/images/${id}/${path}`, { as, ...(body !== undefined && { body }) });
const source = { method: { name: 'web-download', uri: 'https://images.example/data' } };
const importInto = (image: Image, as: string) => send(image, 'POST', 'import', as, source);
const show = async ({ id }: Image) => (await service.request('GET', `/v2/images/${id}`, { as: 'ops:admin' })).body;

const emptyResponse = (status: number) => ({ status, headers: responseHeaders, body: undefined });
const faults: Readonly<Record<string, ReturnType<typeof aFault>>> = {
  '404': aFault(404, 'image-not-found'),
  '403': aFault(403, 'not-permitted'),
};

const specification = `
download                  | private | shared | community | public
alpha:member              | 302     | 302    | 302       | 302
alpha:reader              | 403     | 403    | 403       | 403
alpha:no_role             | 404     | 404    | 404       | 404
beta:member               | 404     | 302    | 302       | 302
gamma:member              | 404     | 302    | 302       | 302
beta:reader               | 404     | 403    | 403       | 403
delta:member              | 404     | 404    | 302       | 302
ops:admin                 | 302     | 302    | 302       | 302

download of deactivated   | private | shared | community | public
alpha:member              | 403     | 403    | 403       | 403
beta:member               | 404     | 403    | 403       | 403
delta:member              | 404     | 404    | 403       | 403
ops:admin                 | 302     | 302    | 302       | 302

import                    | private | shared | community | public
alpha:member              | 202     | 202    | 202       | 202
alpha:reader              | 403     | 403    | 403       | 403
beta:member               | 404     | 403    | 403       | 403
delta:member              | 404     | 404    | 403       | 403
ops:admin                 | 202     | 202    | 202       | 202

deactivate                | private | shared | community | public
alpha:member              | 204     | 204    | 204       | 204
alpha:reader              | 403     | 403    | 403       | 403
beta:member               | 404     | 403    | 403       | 403
delta:member              | 404     | 404    | 403       | 403
ops:admin                 | 204     | 204    | 204       | 204

reactivate                | private | shared | community | public
alpha:member              | 204     | 204    | 204       | 204
alpha:reader              | 403     | 403    | 403       | 403
beta:member               | 404     | 403    | 403       | 403
delta:member              | 404     | 404    | 403       | 403
ops:admin                 | 204     | 204    | 204       | 204
`;

test.each(permissions(specification))('$operation, $visibility, by $as: $answer', async (permission) => {
  const { operation, as, visibility, answer } = permission;
  const deactivated = active({ status: 'deactivated' });
  const [attributes, request, statusAfter] = {
    download: [active(), (image: Image) => send(image, 'GET', 'file', as), 'active'] as const,
    'download of deactivated': [deactivated, (image: Image) => send(image, 'GET', 'file', as), 'deactivated'] as const,
    import: [formats, (image: Image) => importInto(image, as), 'importing'] as const,
    deactivate: [active(), (image: Image) => send(image, 'POST', 'actions/deactivate', as), 'deactivated'] as const,
    reactivate: [deactivated, (image: Image) => send(image, 'POST', 'actions/reactivate', as), 'active'] as const,
  }[operation]!;
  const image = await offered(attributes, { visibility });

  const given = await request(image);

  const redirect = {
    ...responseHeaders,
    location: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9\/images\/images\//),
  };
  expect(given).toEqual(
    faults[answer] ?? { ...emptyResponse(Number(answer)), ...(answer === '302' && { headers: redirect }) },
  );
  expect((await show(image)).status).toBe(answer in faults ? image.status : statusAfter);
});

describe('an import', () => {
  test.each<[string, Partial<Image>, ReturnType<typeof aFault>]>([
    ['has no formats', {}, aFault(409, 'image-formats-missing')],
    ['has no disk format', { containerFormat: 'bare' }, aFault(409, 'image-formats-missing')],
    ['has no container format', { diskFormat: 'raw' }, aFault(409, 'image-formats-missing')],
    ['is importing', importing(), aFault(409, 'image-not-queued')],
    ['is active', active(), aFault(409, 'image-not-queued')],
    ['is deactivated', active({ status: 'deactivated' }), aFault(409, 'image-not-queued')],
  ])('into an image that %s is refused', async (_what, attributes, fault) => {
    const image = await offered(attributes);
    const before = await show(image);

    expect(await importInto(image, 'alpha:member')).toEqual(fault);
    expect(await show(image)).toEqual(before);
  });

  test('after a failed one removes its reason and its progress', async () => {
    const image = await offered({ ...formats, importError: 'No.', importedBytes: 7 });

    expect(await importInto(image, 'alpha:member')).toEqual(emptyResponse(202));

    const shown = await show(image);
    expect(shown).not.toHaveProperty('os_glance_import_error');
    expect(shown).toMatchObject({ status: 'importing', os_glance_imported_bytes: '0' });
  });

  test('is possible once, even for two requests at the same time', async () => {
    const image = await offered(formats);

    const responses = await Promise.all([importInto(image, 'alpha:member'), importInto(image, 'ops:admin')]);

    expect(responses.map(({ status }) => status).toSorted()).toEqual([202, 409]);
  });

  test('does not change the attributes of the image', async () => {
    const image = await offered({ ...formats, name: 'golden', tags: ['lts'] });
    const before = await show(image);

    await importInto(image, 'alpha:member');

    const { os_glance_importing_to_stores: _stores, os_glance_imported_bytes: _bytes, ...after } = await show(image);
    expect(after).toEqual({ ...before, status: 'importing', updated_at: after.updated_at });
  });
});

describe('a client cannot set', () => {
  test.each(['status', 'size', 'checksum', 'os_hash_value', 'virtual_size'])('%s', async (name) => {
    const image = await offered(active());
    const response = await service.request('PATCH', `/v2/images/${image.id}`, {
      as: 'ops:admin',
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
      body: [{ op: 'replace', path: `/${name}`, value: null }],
    });

    expect([response.status, response.body.error]).toEqual([403, 'attribute-read-only']);
  });

  test.each(['os_glance_failed_import', 'os_glance_import_error', 'os_glance_anything'])('%s', async (name) => {
    const response = await service.request('POST', '/v2/images', { as: 'ops:admin', body: { [name]: 'x' } });

    expect([response.status, response.body.error]).toEqual([403, 'attribute-read-only']);
  });
});

test('lists filter and sort images by their data', async () => {
  const images = await Promise.all(
    [300, 5, 20].map((size) => seedImage(table, { owner: 'lister', attributes: active({ data: someData({ size }) }) })),
  );
  const empty = await seedImage(table, { owner: 'lister' });
  const [large, small, medium] = images.map(({ id }) => id);
  const list = async (query: string): Promise<readonly string[]> =>
    (await service.request('GET', `/v2/images?visibility=shared&${query}`, { as: 'lister:reader' })).body.images.map(
      ({ id }: { id: string }) => id,
    );

  expect(await list('sort=size:desc')).toEqual([large, medium, small, empty.id]);
  expect(await list('sort=size:asc')).toEqual([empty.id, small, medium, large]);
  expect(await list(`sort=size:asc&marker=${small}`)).toEqual([medium, large]);
  expect(await list(`sort=size:asc&marker=${empty.id}&limit=1`)).toEqual([small]);
  expect(await list('sort=size:asc&size_min=5&size_max=20')).toEqual([small, medium]);
  expect(await list('sort=size:asc&status=active&size_min=21')).toEqual([large]);
  expect(await list('status=queued')).toEqual([empty.id]);
  expect(await list('checksum=none')).toEqual([]);
});
