import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { localCredentials, localRegion } from '../../infra/local/template/template-values.ts';
import type { Actor } from '../../lambda/domain/actor.ts';
import type { CommandRecordRepository } from '../../lambda/domain/repositories/command-record-repository.ts';
import type { Timestamp } from '../../lambda/domain/clock.ts';
import type { ImageListRepository } from '../../lambda/domain/image-list.ts';
import type { HistoryRecorder, HistoryRepository } from '../../lambda/domain/repositories/history-repository.ts';
import type { ImageRepository } from '../../lambda/domain/repositories/image-repository.ts';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import type { Image } from '../../lambda/domain/image.ts';
import type { MembershipListRepository } from '../../lambda/domain/repositories/membership-list-repository.ts';
import type { MembershipRepository } from '../../lambda/domain/repositories/membership-repository.ts';
import type { Membership, MemberStatus } from '../../lambda/domain/membership.ts';
import type { StandingAnswerRepository } from '../../lambda/domain/repositories/standing-answer-repository.ts';
import { DynamoDbCommandRecordRepository } from '../../lambda/dynamodb/dynamodb-command-record-repository.ts';
import { documentClient } from '../../lambda/dynamodb/connect-table.ts';
import { DynamoDbHistoryRecorder } from '../../lambda/dynamodb/history/dynamodb-history-recorder.ts';
import { DynamoDbHistoryRepository } from '../../lambda/dynamodb/history/dynamodb-history-repository.ts';
import { DynamoDbImageListRepository } from '../../lambda/dynamodb/dynamodb-image-list-repository.ts';
import { DynamoDbImageRepository } from '../../lambda/dynamodb/dynamodb-image-repository.ts';
import { DynamoDbMembershipListRepository } from '../../lambda/dynamodb/dynamodb-membership-list-repository.ts';
import { DynamoDbMembershipRepository } from '../../lambda/dynamodb/dynamodb-membership-repository.ts';
import { DynamoDbStandingAnswerRepository } from '../../lambda/dynamodb/dynamodb-standing-answer-repository.ts';
import type { ItemKey } from '../../lambda/dynamodb/keys.ts';
import { Table, type Item } from '../../lambda/dynamodb/table.ts';
import { anImage } from '../lambda/domain/an-image.ts';
import { createTestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';

/** The repositories of one table. */
export interface Adapters {
  readonly images: ImageRepository;
  readonly memberships: MembershipRepository;
  readonly lists: ImageListRepository;
  readonly membershipLists: MembershipListRepository;
  readonly commandRecords: CommandRecordRepository;
  readonly history: HistoryRepository & HistoryRecorder;
  readonly standingAnswers: StandingAnswerRepository;
}

/** The repositories on a new table, connected directly and through a proxy. */
export interface Repositories extends Adapters {
  readonly wired: Adapters;
  readonly wire: EngineProxy;
  /** Returns a stored item. */
  readonly item: (key: ItemKey) => Promise<Item | undefined>;
  /** Creates an image with these attributes. */
  readonly image: (attributes?: Partial<Image>) => Promise<Image>;
  /** Reads an image and one project's membership. */
  readonly read: (
    imageId: ImageId,
    memberId?: string,
  ) => Promise<{ image: Image | undefined; membership: Membership | undefined }>;
  /** Offers an image to a project, and answers the offer unless the status is `pending`. */
  readonly share: (image: Image, memberId: string, status?: MemberStatus) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The actor of all changes in these tests. */
export const actor: Actor = { projectId: 'alpha' as ProjectId, userId: 'alice', via: 'http' };

/** The current time of the repositories. */
export const now = new Date('2026-11-23T13:00:00Z');
export const offeredAt = '2026-11-23T12:30:00Z' as Timestamp;
export const answeredAt = '2026-11-23T12:45:00Z' as Timestamp;

/** The retention of the history in days. */
export const historyDays = 400;

const historyOf = (table: Table): Adapters['history'] => {
  const recorder = new DynamoDbHistoryRecorder(table, historyDays);
  return Object.assign(new DynamoDbHistoryRepository(table, () => now), {
    record: recorder.record.bind(recorder),
  });
};

const adaptersOf = (table: Table): Adapters => ({
  images: new DynamoDbImageRepository(table, () => now),
  memberships: new DynamoDbMembershipRepository(table),
  lists: new DynamoDbImageListRepository(table, () => now),
  membershipLists: new DynamoDbMembershipListRepository(table, () => now),
  commandRecords: new DynamoDbCommandRecordRepository(table, () => now),
  history: historyOf(table),
  standingAnswers: new DynamoDbStandingAnswerRepository(table),
});

/** Opens the repositories on an empty table of this run's engine. */
export async function openRepositories(): Promise<Repositories> {
  const table = await createTestTable();
  const { tableName } = table;
  const wire = await startEngineProxy(table.endpoint);
  const connect = (endpoint: string) =>
    documentClient({ endpoint, region: localRegion, credentials: localCredentials });
  const documents = connect(table.endpoint);
  const adapters = adaptersOf(new Table(documents, tableName));
  const { images, memberships } = adapters;

  return {
    ...adapters,
    wired: adaptersOf(new Table(connect(wire.endpoint), tableName)),
    wire,
    item: async (key) => {
      const { Item: item } = await documents.send(
        new GetCommand({ TableName: tableName, Key: { ...key }, ConsistentRead: true }),
      );
      return item;
    },
    image: async (attributes) => {
      const image = anImage(attributes);
      if (!(await images.create(image, actor))) throw new Error('The image was not created.');
      return image;
    },
    read: async (imageId, memberId = 'beta') => {
      const { image, memberships: found } = await images.find(imageId, [memberId as ProjectId]);
      return { image, membership: found.get(memberId as ProjectId) };
    },
    share: async (image, member, status = 'pending') => {
      const memberId = member as ProjectId;
      const offered = await memberships.offer({
        image,
        memberId,
        quota: -1,
        expiresAt: undefined,
        standingAnswer: undefined,
        at: offeredAt,
        actor,
      });
      if (offered === undefined) throw new Error('The offer was refused.');
      if (status === 'pending') return;
      const answer = { imageId: image.id, memberId, status, excludedOwner: undefined, at: () => answeredAt, actor };
      if ((await memberships.answer(answer)) === 'condition-failed') throw new Error('The answer was refused.');
    },
    close: async () => {
      await wire.stop();
      await table.drop();
    },
  };
}
