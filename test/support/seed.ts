import { randomUUID } from 'node:crypto';
import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Actor } from '../../lambda/domain/actor.ts';
import { timestamp, type Timestamp } from '../../lambda/domain/clock.ts';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import type { Image, Visibility } from '../../lambda/domain/image.ts';
import type { MemberStatus } from '../../lambda/domain/membership.ts';
import { actorAttribute, imageItem } from '../../lambda/dynamodb/items/image-item.ts';
import { endAttribute, itemFormat, membershipKey, offerKey } from '../../lambda/dynamodb/keys.ts';
import { listEntryActions } from '../../lambda/dynamodb/items/list-entries.ts';
import { endAttributes, replicatedMembershipUpdate } from '../../lambda/dynamodb/items/membership-item.ts';
import { transactionLimit } from '../../lambda/dynamodb/table.ts';
import type { TestTable } from './engine.ts';

/** The common attributes of seeded images, which differ in their ids and times. */
export interface Seed {
  readonly owner: string;
  /** Default: no name. */
  readonly name?: string;
  /** Number of images. Default: 1. */
  readonly count?: number;
  readonly visibility?: Visibility;
  readonly hidden?: boolean;
  /** Creation time of the first image. Default: {@link firstCreatedAt}. */
  readonly createdAt?: string;
  readonly protected?: boolean;
  readonly tags?: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
  /** Further attributes of each image. */
  readonly attributes?: Partial<Image>;
  /** The members of each image. */
  readonly members?: readonly SeededMember[];
}

export interface SeededMember {
  readonly project: string;
  readonly status: MemberStatus;
  /** Time of the offer. Default: the creation time of the image. */
  readonly offeredAt?: string;
  /** Default: no end. */
  readonly expiresAt?: string;
}

/** Default creation time of the first image. Each further image is one second newer. */
const firstCreatedAt = Date.parse('2026-01-01T00:00:00Z');
/**
 * Puts the items of images and members into a table, as requests would create them. Requests would be too slow for
 * thousands of images.
 *
 * @returns the images, oldest first
 */
export async function seedImages(table: TestTable, seed: Seed): Promise<readonly Image[]> {
  const start = seed.createdAt === undefined ? firstCreatedAt : Date.parse(seed.createdAt);
  const images = Array.from({ length: seed.count ?? 1 }, (_, n) => seededImage(seed, start + n * 1000));
  let items: SeededItem[] = [];
  for (const image of images) {
    items.push(...itemsOf(image, seed.members ?? []));
    while (items.length >= transactionLimit) {
      await put(table, items.slice(0, transactionLimit));
      items = items.slice(transactionLimit);
    }
  }
  if (items.length > 0) await put(table, items);
  return images;
}

/** Adds pending members to a seeded image without an update of its member count. */
export async function seedMembers(table: TestTable, image: Image, projects: readonly string[]): Promise<void> {
  const items = projects.flatMap((project) => memberItems(image, { project, status: 'pending' }));
  for (let start = 0; start < items.length; start += transactionLimit) {
    await put(table, items.slice(start, start + transactionLimit));
  }
}

/** Puts a single image into a table. See {@link seedImages}. */
export async function seedImage(table: TestTable, seed: Seed): Promise<Image> {
  const [image] = await seedImages(table, seed);
  return image!;
}

function seededImage(seed: Seed, createdAt: number): Image {
  const at = timestamp(new Date(createdAt));
  return {
    id: randomUUID() as ImageId,
    name: seed.name ?? null,
    owner: seed.owner as ProjectId,
    visibility: seed.visibility ?? 'shared',
    hidden: seed.hidden ?? false,
    protected: seed.protected ?? false,
    minDisk: 0,
    minRam: 0,
    diskFormat: null,
    containerFormat: null,
    tags: seed.tags ?? [],
    properties: seed.properties ?? {},
    status: 'queued',
    data: undefined,
    importJob: undefined,
    importError: undefined,
    importedBytes: 0,
    createdAt: at,
    updatedAt: at,
    memberCount: seed.members?.length ?? 0,
    version: 1,
    pendingChange: undefined,
    ...seed.attributes,
  };
}

type SeededItem = Readonly<Record<string, unknown>>;

function itemsOf(image: Image, members: readonly SeededMember[]): readonly SeededItem[] {
  const entries = listEntryActions(image, { from: undefined, to: image }).flatMap(({ Put: put }) => put?.Item ?? []);
  return [
    { ...imageItem(image, userOf(image.owner)), ...(image.importJob && { imported_bytes: image.importedBytes }) },
    ...entries,
    ...members.flatMap((member) => memberItems(image, member)),
  ];
}

function memberItems(
  image: Image,
  { project, status, offeredAt = image.createdAt, expiresAt }: SeededMember,
): readonly SeededItem[] {
  const memberId = project as ProjectId;
  const membershipId = randomUUID();
  const changes = status === 'pending' ? 1 : 2;
  return [
    {
      ...offerKey(image.id, memberId),
      format: itemFormat,
      membership_id: membershipId,
      created_at: offeredAt,
      ...(expiresAt !== undefined && { [endAttribute]: Date.parse(expiresAt) / 1000 }),
    },
    {
      ...membershipKey(memberId, image.id),
      format: itemFormat,
      membership_id: membershipId,
      image_id: image.id,
      member_id: memberId,
      status,
      created_at: offeredAt,
      updated_at: offeredAt,
      updated_by: actorAttribute(userOf(status === 'pending' ? image.owner : memberId)),
      offered_by: image.owner,
      ...(status !== 'pending' && { answered_at: offeredAt }),
      ...(expiresAt !== undefined && endAttributes(image.id, expiresAt as Timestamp)),
      sequence: Date.parse(image.createdAt) + changes,
      ...replicatedMembershipUpdate(image, image, status).set,
    },
  ];
}

const userOf = (project: ProjectId): Actor => ({
  projectId: project,
  userId: `user-of-${project}`,
  via: 'http',
  requestId: 'req-seed',
});

// A transaction is one commit of the embedded engine, and several times as fast as a batch.
async function put({ client, tableName }: TestTable, items: readonly SeededItem[]): Promise<void> {
  const actions = items.map((item) => ({ Put: { TableName: tableName, Item: marshall(item) } }));
  await client.send(new TransactWriteItemsCommand({ TransactItems: actions }));
}
