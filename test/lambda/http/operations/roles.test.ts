import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { roles, type Role } from '../../../../lambda/domain/caller.ts';
import type { FaultCode } from '../../../../lambda/http/faults.ts';
import { apiOperations } from '../../../../lambda/http/routes.ts';
import { createTestTable, type TestTable } from '../../../support/engine.ts';
import { active } from '../../domain/an-image.ts';
import type { Image } from '../../../../lambda/domain/image.ts';
import { seedImage } from '../../../support/seed.ts';
import { startService, type RequestOptions, type Service } from '../../../support/service.ts';

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
});
afterAll(() => table.drop());

const operations = Object.values(apiOperations).flatMap((group) =>
  Object.entries<{
    readonly route: string;
    readonly role: Role | undefined;
    readonly success: readonly [number, string?];
    readonly faults: readonly FaultCode[];
  }>(group).map(([name, { route, role, success, faults }]) => ({ name, route, role, status: success[0], faults })),
);

/** Request options of operations that require more than a path. */
const options: Readonly<Record<string, RequestOptions>> = {
  createImage: { body: { name: 'image' } },
  updateImage: {
    body: [{ op: 'replace', path: '/name', value: 'image' }],
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
  },
  offerImage: { body: { member_id: 'gamma' } },
  answerOffer: { body: { status: 'accepted' } },
  answerOffers: { body: { answers: [{ image_id: '00000000-0000-0000-0000-000000000000', status: 'accepted' }] } },
  offerImages: { body: { offers: [{ image_id: '00000000-0000-0000-0000-000000000000', member_id: 'gamma' }] } },
  withdrawOffers: { body: { withdrawals: [{ image_id: '00000000-0000-0000-0000-000000000000', member_id: 'x' }] } },
  setStandingAnswer: { body: { status: 'accepted' } },
  changeExpiry: { body: { expires_at: '2999-01-01T00:00:00Z' } },
  importImage: { body: { method: { name: 'web-download', uri: 'https://images.example/data' } } },
};

/** Attributes of the image in requests that require more than a new image. */
const attributes: Readonly<Record<string, Partial<Image>>> = {
  importImage: { diskFormat: 'raw', containerFormat: 'bare' },
  downloadImage: active(),
  inspectImageData: active(),
  deactivateImage: active(),
  reactivateImage: active(),
};

/** Sends the request of a permitted project, which has this role only, about a new image of alpha. */
async function perform({ name, route }: (typeof operations)[number], role: Role | '') {
  const { id } = await seedImage(table, {
    owner: 'alpha',
    visibility: 'shared',
    tags: ['tag'],
    members: [{ project: 'beta', status: 'pending' }],
    attributes: attributes[name] ?? {},
  });
  const [method = '', template = ''] = route.split(' ');
  const parameters: Readonly<Record<string, string>> = {
    version: 'v2',
    image_id: id,
    member_id: 'beta',
    tag: 'tag',
    schema: 'image',
    sharing_schema: 'member',
    owner: 'gamma',
  };
  const path = template.replaceAll(/\{(\w+)\}/g, (_, parameter: string) => parameters[parameter]!);
  const project = ['answerOffer', 'leaveImage'].includes(name) ? 'beta' : 'alpha';
  if (name === 'showStandingAnswer' || name === 'removeStandingAnswer')
    await service.request('PUT', path, { ...options['setStandingAnswer'], as: 'alpha:member' });
  return service.request(method, path, { ...options[name], as: `${project}:${role}` });
}

/** The next weaker role; '' is no role. */
const weakerThan = (role: Role): Role | '' => roles[roles.indexOf(role) + 1] ?? '';

test.each(operations)('$name succeeds with the role $role', async (operation) => {
  const { status } = await perform(operation, operation.role ?? '');

  expect(status).toBe(operation.status);
});

test.each(operations.flatMap(({ role, ...operation }) => (role === undefined ? [] : [{ ...operation, role }])))(
  '$name is refused with a weaker role than $role, with a fault of its definition',
  async (operation) => {
    const { status, body } = await perform(operation, weakerThan(operation.role));

    expect([403, 404]).toContain(status);
    expect(operation.faults).toContain(body.error);
  },
);
