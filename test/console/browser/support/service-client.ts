import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberStatus, Offer } from '../../../../console/api/types.ts';
import type { DevUser } from './browser.ts';

/** The fields of a new image. */
export interface NewImage {
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly [property: string]: unknown;
}

/** An image of the test. */
export interface CreatedImage {
  readonly id: string;
  readonly name?: string;
}

/** The requests of a user of the local server without the page. Each throws for a response that is not 2xx. */
export type ServiceClient = ReturnType<typeof createServiceClient>;

/** Returns new images with these names. */
export const named = (...names: readonly string[]): readonly NewImage[] => names.map((name) => ({ name }));

/** Creates the requests of a user. Default: alice with the role member in alpha. */
export function createServiceClient(
  base: string,
  { user = 'alice', project = 'alpha', role = 'member' }: DevUser = {},
) {
  const send = async (method: string, path: string, body?: object): Promise<any> => {
    const response = await fetch(base + path, {
      method,
      headers: { 'x-auth-token': `dev:${user}:${project}:${role}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const createImage = (image: NewImage): Promise<CreatedImage> =>
    send('POST', '/v2/images', { disk_format: 'qcow2', container_format: 'bare', ...image });
  return {
    send,
    createImage,
    /** Creates images one after the other, the oldest first, and offers them to a project. */
    offerImages: async (member: string, images: readonly NewImage[]): Promise<readonly CreatedImage[]> => {
      const created: CreatedImage[] = [];
      for (const image of images) created.push(await createImage(image));
      for (let start = 0; start < created.length; start += 100) {
        const offers = created.slice(start, start + 100).map(({ id }) => ({ image_id: id, member_id: member }));
        const { results } = await send('POST', '/sharing/v1/offers', { offers });
        const failed = results.find(({ code }: { code: number }) => code !== 200);
        if (failed !== undefined) throw new Error(JSON.stringify(failed));
      }
      return created;
    },
    /** Withdraws the offer of an image. */
    withdraw: (id: string, member: string): Promise<void> => send('DELETE', `/v2/images/${id}/members/${member}`),
    /** Returns the status of a membership. */
    statusOf: async (id: string, member: string): Promise<MemberStatus> =>
      (await send('GET', `/v2/images/${id}/members/${member}`)).status,
    /** Waits until an image has this many changes in its history, which a consumer writes later. @throws Error after 30 s */
    waitForHistory: async (id: string, count: number): Promise<void> => {
      for (const deadline = Date.now() + 30_000; ;) {
        const { history } = await send('GET', `/sharing/v1/images/${id}/history`);
        if (history.length >= count) return;
        if (Date.now() > deadline) throw new Error(`The history has ${history.length} entries in place of ${count}.`);
        await sleep(50);
      }
    },
    /** Sets the status of all waiting offers, up to 100. */
    answerAll: async (status: MemberStatus): Promise<void> => {
      const { offers } = await send('GET', '/sharing/v1/offers?limit=100');
      const answers = offers.map(({ image }: Offer) => ({ image_id: image.id, status }));
      await send('POST', '/sharing/v1/answers', { answers });
    },
    /** Returns the names of the images in the project's list. */
    listImageNames: async (): Promise<readonly string[]> =>
      (await send('GET', '/v2/images?limit=200')).images.map(({ name }: CreatedImage) => name),
    /** Returns the names of the offers with a status, newest image first. */
    listOfferNames: async (status: MemberStatus): Promise<readonly (string | null)[]> =>
      (await send('GET', `/sharing/v1/offers?limit=100&status=${status}`)).offers.map(({ image }: Offer) => image.name),
  } as const;
}
