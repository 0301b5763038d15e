import type { Clock } from '../domain/clock.ts';
import type { ImageId, ProjectId } from '../domain/ids.ts';
import { hasStatusOfSource, matchesSource, type ListCandidate } from '../domain/image-list.ts';
import type { Image } from '../domain/image.ts';
import type { Membership } from '../domain/membership.ts';
import type { MembershipListRepository, MembersRead } from '../domain/repositories/membership-list-repository.ts';
import { names, values } from './expression.ts';
import { imageFromItem } from './items/image-item.ts';
import { membershipFromItem } from './items/membership-item.ts';
import {
  imageKey,
  imagePartition,
  memberIdFromOfferKey,
  membershipKey,
  offerBounds,
  partitionKey,
  projectPartition,
  sortKey,
} from './keys.ts';
import { bytesOf, sortKeyOf, type Item, type Table } from './table.ts';

/** Memberships of lists, read by the keys of their candidates or of the offers of images. */
export class DynamoDbMembershipListRepository implements MembershipListRepository {
  readonly #table: Table;
  readonly #clock: Clock;

  constructor(table: Table, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  async offers(
    memberId: ProjectId,
    candidates: readonly ListCandidate[],
  ): ReturnType<MembershipListRepository['offers']> {
    const items = await this.#table.get(
      candidates.flatMap(({ position: { id } }) => [imageKey(id), membershipKey(memberId, id)]),
    );
    const images = new Map<ImageId, Image>();
    for (const item of items.filter((other) => !isOf(memberId, other))) {
      const image = imageFromItem(item);
      if (image !== undefined) images.set(image.id, image);
    }
    const memberships = this.#byImage(items.filter((item) => isOf(memberId, item)));
    return {
      offers: candidates.map(({ position: { id }, sources }) => {
        const [image, membership] = [images.get(id), memberships.get(id)];
        if (image === undefined || membership === undefined) return undefined;
        const matches = sources.some((source) => matchesSource(image, source) && hasStatusOfSource(membership, source));
        return matches ? { image, membership } : undefined;
      }),
      bytes: bytesOf(items),
    };
  }

  async memberships(
    memberId: ProjectId,
    candidates: readonly ListCandidate[],
  ): ReturnType<MembershipListRepository['memberships']> {
    const items = await this.#table.get(candidates.map(({ position: { id } }) => membershipKey(memberId, id)));
    const memberships = this.#byImage(items);
    return {
      memberships: candidates.map(({ position: { id }, sources }) => {
        const membership = memberships.get(id);
        return membership !== undefined && sources.some((source) => hasStatusOfSource(membership, source))
          ? membership
          : undefined;
      }),
      bytes: bytesOf(items),
    };
  }

  async members(imageIds: readonly ImageId[], maxMembers: number): ReturnType<MembershipListRepository['members']> {
    const offers = await Promise.all(imageIds.map((id) => this.#memberIds(id, maxMembers + 1)));
    const keys = imageIds.flatMap((id, n) =>
      (offers[n] ?? []).slice(0, maxMembers).map((memberId) => membershipKey(memberId, id)),
    );
    const memberships = Map.groupBy(this.#memberships(await this.#table.get(keys)), ({ imageId }) => imageId);
    return new Map(
      imageIds.map((id, n): [ImageId, MembersRead] => [
        id,
        { memberships: memberships.get(id) ?? [], hasMore: (offers[n] ?? []).length > maxMembers },
      ]),
    );
  }

  /** Returns the ids of at most `count` projects that an image is offered to. */
  async #memberIds(imageId: ImageId, count: number): Promise<readonly ProjectId[]> {
    const { items } = await this.#table.query(
      {
        KeyConditionExpression: `#${partitionKey} = :partition AND #${sortKey} BETWEEN :low AND :high`,
        Limit: count,
        ExpressionAttributeNames: names(partitionKey, sortKey),
        ExpressionAttributeValues: values({ partition: imagePartition(imageId), ...offerBounds }),
      },
      { enough: count },
    );
    return items.flatMap((item) => memberIdFromOfferKey(sortKeyOf(item)) ?? []);
  }

  #byImage(items: readonly Item[]): ReadonlyMap<ImageId, Membership> {
    return new Map(this.#memberships(items).map((membership) => [membership.imageId, membership]));
  }

  #memberships(items: readonly Item[]): readonly Membership[] {
    const now = this.#clock();
    return items.flatMap((item) => membershipFromItem(item, now) ?? []);
  }
}

const isOf = (memberId: ProjectId, item: Item): boolean => item[partitionKey] === projectPartition(memberId);
