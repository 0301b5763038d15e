import { randomUUID } from 'node:crypto';
import type { ApiCall, Send } from './requests.ts';

/** An operation of the API that is measured. */
export interface Operation {
  readonly title: string;
  /**
   * Makes what the operation needs.
   *
   * @returns a source of its next requests, each of which succeeds if it is sent after those before it
   */
  readonly prepare: (send: Send) => Promise<(count: number) => Promise<readonly ApiCall[]>>;
}

/** Members of one image, below the quota of 128. */
const membersPerImage = 100;
/** Members that answer, over several images: more than one slice has requests. */
const answeringMembers = 4 * membersPerImage;

/** The operations, in the order in which they are shown. A new one is one entry here. */
export const operations: readonly Operation[] = [
  {
    title: 'PUT member',
    prepare: async (send) => {
      const offers: Offer[] = [];
      while (offers.length < answeringMembers) {
        const image = await createImage(send, 'answer-owner');
        for (let n = 0; n < membersPerImage; n += 1) {
          const member = `answer-${offers.length}`;
          await send(offerCall(image, 'answer-owner', member));
          offers.push({ image, member });
        }
      }
      // Each answer differs from the one before it, or nothing would be written.
      const waiting = { accepted: [...offers], rejected: [] as Offer[] };
      return (count) => {
        const status = waiting.accepted.length >= waiting.rejected.length ? 'accepted' : 'rejected';
        const chosen = waiting[status].splice(0, count);
        waiting[status === 'accepted' ? 'rejected' : 'accepted'].push(...chosen);
        return Promise.resolve(
          chosen.map(({ image, member }) => ({
            method: 'PUT',
            path: `/v2/images/${image}/members/${member}`,
            project: member,
            body: { status },
            subjects: [image, member],
          })),
        );
      };
    },
  },
  {
    title: 'POST member',
    prepare: (send) => {
      let members = 0;
      return Promise.resolve(async (count) => {
        const images: string[] = [];
        for (let n = 0; n < count; n += 10) images.push(await createImage(send, 'offer-owner'));
        return Array.from({ length: count }, (_, n) =>
          offerCall(images[n % images.length]!, 'offer-owner', `offered-${members++}`),
        );
      });
    },
  },
  {
    title: 'POST image',
    prepare: () =>
      Promise.resolve((count) => Promise.resolve(Array.from({ length: count }, () => imageCall('creator')))),
  },
  {
    title: 'GET image',
    prepare: async (send) => repeated(`/v2/images/${await createImage(send, 'viewer')}`, 'viewer'),
  },
  {
    title: 'GET members, 20',
    prepare: async (send) => {
      const image = await createImage(send, 'member-lister');
      for (let n = 0; n < 20; n += 1) await send(offerCall(image, 'member-lister', `listed-${n}`));
      return repeated(`/v2/images/${image}/members`, 'member-lister');
    },
  },
  {
    title: 'GET images, 25 of 100',
    prepare: async (send) => {
      for (let n = 0; n < 100; n += 1) await createImage(send, 'lister');
      return repeated('/v2/images', 'lister');
    },
  },
];

interface Offer {
  readonly image: string;
  readonly member: string;
}

/** A request that can be sent any number of times. */
const repeated =
  (path: string, project: string) =>
  (count: number): Promise<readonly ApiCall[]> =>
    Promise.resolve(Array.from({ length: count }, () => ({ method: 'GET', path, project, subjects: [] })));

function imageCall(project: string): ApiCall {
  const id = randomUUID();
  const properties = { os_distro: 'debian', os_version: '13', hw_disk_bus: 'virtio', architecture: 'x86_64' };
  const body = { id, name: 'image', disk_format: 'qcow2', container_format: 'bare', tags: ['bench'], ...properties };
  return { method: 'POST', path: '/v2/images', project, body, subjects: [id] };
}

async function createImage(send: Send, project: string): Promise<string> {
  return (await send(imageCall(project))).id;
}

const offerCall = (image: string, project: string, member: string): ApiCall => ({
  method: 'POST',
  path: `/v2/images/${image}/members`,
  project,
  body: { member },
  subjects: [image, member],
});
