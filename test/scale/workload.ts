import { randomUUID } from 'node:crypto';
import type { SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { resourcesOfType } from '../../infra/local/template/synthesized-stack.ts';
import type { ApiCall } from '../bench/requests.ts';
import { seedImage, seedImages, type SeededMember } from '../support/seed.ts';
import { captureDemand, type Demand, type RecordedService } from './demand.ts';

/** The projects of the requests that are captured. The simulation puts others in their place. */
const caller = 'the-caller';
const owner = 'the-owner';
/** Project of the public images, which runs the cloud. */
const operator = 'operator';
/** Members of images that are listed; each has a number. */
const member = 'a-member';

/** Ids of the images that the captured requests name. */
interface Images {
  /** One that is created, shared with the caller and deleted. */
  readonly own: string;
  /** One with 10 members. */
  readonly shared: string;
  /** One with as many members as the default quota lets it have. */
  readonly crowded: string;
}

/** A kind of request in the simulation. */
export interface Operation {
  readonly title: string;
  /** Requests of an average project in its busiest hour. */
  readonly perHour: number;
  readonly call: (images: Images) => ApiCall;
}

const image = (id: string): string => `/v2/images/${id}`;
const request = (method: string, path: string, project: string, body?: unknown): ApiCall => ({
  method,
  path,
  project,
  body,
  subjects: [],
});

/**
 * The operations in an order in which each succeeds on the same image, and how often a project makes them: it looks far
 * more often than it changes anything, and lists as often as a script that looks for its image before each server.
 */
export const operations: readonly Operation[] = [
  { title: 'list images', perHour: 30, call: () => request('GET', '/v2/images', caller) },
  {
    title: 'create image',
    perHour: 2,
    call: ({ own: id }) => request('POST', '/v2/images', owner, { id, name: 'golden', disk_format: 'qcow2' }),
  },
  {
    title: 'offer image',
    perHour: 2,
    call: ({ own: id }) => request('POST', `${image(id)}/members`, owner, { member: caller }),
  },
  {
    title: 'answer offer',
    perHour: 2,
    call: ({ own: id }) => request('PUT', `${image(id)}/members/${caller}`, caller, { status: 'accepted' }),
  },
  { title: 'show image', perHour: 60, call: ({ own: id }) => request('GET', image(id), caller) },
  { title: 'list members, 10', perHour: 4, call: ({ shared }) => request('GET', `${image(shared)}/members`, owner) },
  { title: 'list members, 128', perHour: 0, call: ({ crowded }) => request('GET', `${image(crowded)}/members`, owner) },
  { title: 'update image', perHour: 1, call: ({ own: id }) => request('PUT', `${image(id)}/tags/new`, owner) },
  {
    title: 'withdraw offer',
    perHour: 1,
    call: ({ own: id }) => request('DELETE', `${image(id)}/members/${caller}`, owner),
  },
  { title: 'delete image', perHour: 1, call: ({ own: id }) => request('DELETE', image(id), owner) },
];

/** What the requests of an operation use, with placeholders for the projects and the image. */
export interface CapturedOperation {
  readonly operation: Operation;
  readonly demand: Demand;
}

/** What a text in a captured partition key stands for: the simulation puts other projects and images in its place. */
export type Role = 'caller' | 'owner' | 'image' | 'member';
export type Placeholders = Readonly<Record<string, Role>>;

/**
 * Runs each operation once on a table with 100 public images, newer than the 20 that the caller owns and the 20 that it
 * has accepted, and captures what it uses. So every list shows the newest public images: the worst case for them.
 */
export async function captureOperations(
  service: RecordedService,
): Promise<{ readonly captured: readonly CapturedOperation[]; readonly placeholders: Placeholders }> {
  const members = (count: number): SeededMember[] =>
    Array.from({ length: count }, (_, n) => ({ project: `${member}-${n}`, status: 'accepted' }));
  await seedImages(service.table, { owner: caller, count: 20, visibility: 'private' });
  await seedImages(service.table, { owner, count: 20, members: [{ project: caller, status: 'accepted' }] });
  await seedImages(service.table, { owner: operator, count: 100, visibility: 'public' });
  const images: Images = {
    own: randomUUID(),
    shared: (await seedImage(service.table, { owner, members: members(10) })).id,
    crowded: (await seedImage(service.table, { owner, members: members(128) })).id,
  };
  const captured: CapturedOperation[] = [];
  for (const operation of operations) {
    captured.push({ operation, demand: await captureDemand(service, operation.call(images)) });
  }
  const { own, shared, crowded } = images;
  return {
    captured,
    placeholders: {
      [caller]: 'caller',
      [owner]: 'owner',
      [member]: 'member',
      ...{ [own]: 'image', [shared]: 'image', [crowded]: 'image' },
    },
  };
}

/** Returns the requests per second that the gateway lets pass on each route, a setting of the stack. */
export function routeLimit(stack: SynthesizedStack): number {
  const [stage] = resourcesOfType(stack, 'AWS::ApiGatewayV2::Stage');
  const settings = stage?.[1].Properties?.['DefaultRouteSettings'] as
    { readonly ThrottlingRateLimit?: number } | undefined;
  return settings?.ThrottlingRateLimit ?? Number.POSITIVE_INFINITY;
}
