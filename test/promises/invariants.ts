import { isPublicOrCommunity, type ReplicatedAttributes } from '../../lambda/domain/image.ts';
import type { ListPosition } from '../../lambda/domain/image-list.ts';
import { memberStatuses, type MemberStatus } from '../../lambda/domain/membership.ts';
import {
  catalogIndex,
  catalogSortKey,
  endAttribute,
  expiryShardAttribute,
  publicOrCommunitySegment,
  indexOfStatus,
  itemFormat,
  listKey,
  localIndexes,
  membershipIndex,
  membershipSegment,
  ownedSegment,
  timeToLive,
  type ListSegment,
} from '../../lambda/dynamodb/keys.ts';
import { endAttributeNames } from '../../lambda/dynamodb/items/membership-item.ts';
import { isStandingStatus, maxStandingAnswers } from '../../lambda/domain/standing-answer.ts';
import type { StoredItem } from '../support/stored-items.ts';

export interface InvariantOptions {
  /** Maximum number of members of an image. Default: no limit. */
  readonly quota?: number;
  /**
   * True if images may have a pending change. Each membership of such an image has the replicated attributes of the image
   * or of the change. A membership of an image that becomes shared may still have its old ones, a membership of the old
   * owner may have the new ones except the owner, and a membership may have its old list position until its status
   * changes or the pending change is completed. Default: false.
   */
  readonly changesMayBePending?: boolean;
}

/**
 * Checks the items of a table against each other while no request is running. Returns a sentence for each contradiction.
 *
 * - The member count, the offers and the memberships with a status of an image agree and do not exceed the quota.
 * - An image has an owned entry, and a public or community entry only with that visibility.
 * - Entries and memberships have the replicated attributes of the image, and are in the index and list segment of these
 *   attributes and of the status.
 * - An image has data if it is active or deactivated, and an import while it is importing.
 * - A membership with an end is in the index of ends, and its offer has the same end.
 * - A membership with the status of a standing answer has the time of this answer.
 * - A tombstone has no other items, and a withdrawn membership is in no list.
 * - An item of a history expires.
 * - The standing answers of a project are at most 128, about other projects.
 */
export function brokenInvariants(items: readonly StoredItem[], options: InvariantOptions = {}): readonly string[] {
  const broken: string[] = [];
  const records = new Map<string, StoredItem>();
  const belonging = new Map<
    string,
    { readonly kind: ItemKind; readonly project: string; readonly item: StoredItem }[]
  >();

  for (const item of items) {
    if (item['sk'] === standingAnswers) {
      broken.push(...brokenStandingAnswers(item)); // depends on no image
      continue;
    }
    if (String(item['pk']).startsWith('HISTORY#')) {
      broken.push(...brokenHistory(item));
      continue;
    }
    const place = classify(item);
    if (place === undefined) {
      broken.push(`${nameOf(item)}: no kind of item has such a key`);
      continue;
    }
    if (item['format'] !== itemFormat) broken.push(`${nameOf(item)}: format is ${String(item['format'])}`);
    if (place.kind === 'image') records.set(place.imageId, item);
    else belonging.set(place.imageId, [...(belonging.get(place.imageId) ?? []), { ...place, item }]);
  }

  for (const imageId of new Set([...records.keys(), ...belonging.keys()])) {
    const record = records.get(imageId);
    const parts = belonging.get(imageId) ?? [];
    const of = (kind: ItemKind) => parts.filter((part) => part.kind === kind);
    const family: Family = {
      imageId,
      offers: of('offer'),
      memberships: of('membership').filter(({ item }) => item['status'] !== undefined),
      entries: [...of('owned'), ...of('everyone')],
    };
    const mayBePending = options.changesMayBePending === true && record?.['pending_change'] !== undefined;
    broken.push(
      ...of('membership').flatMap(({ item, project }) => brokenMembership(item, imageId, project, mayBePending)),
      ...(record === undefined || record['deleted_at'] !== undefined
        ? brokenTombstone(record, family)
        : [...brokenImage(record, family, options), ...brokenFamily(record, family)]),
    );
  }
  return broken;
}

/** The sort key of the standing answers of a project. */
const standingAnswers = 'STANDING';

/** Checks an item of a history. */
const brokenHistory = (item: StoredItem): readonly string[] => [
  ...differences(item, { format: itemFormat }),
  ...(Number.isSafeInteger(item[timeToLive]) ? [] : [`${nameOf(item)}: it does not expire`]),
];

/** Checks the standing answers of a project. */
function brokenStandingAnswers(item: StoredItem): readonly string[] {
  const name = nameOf(item);
  const answers = Object.entries(item['answers'] as Readonly<Record<string, StoredItem>>);
  return [
    ...differences(item, { format: itemFormat }),
    ...(Number.isSafeInteger(item['version']) && item['version'] > 0 ? [] : [`${name}: it has no version`]),
    ...(answers.length <= maxStandingAnswers ? [] : [`${name}: it has ${answers.length} standing answers`]),
    ...answers.flatMap(([of, { status, created_at: createdAt, updated_at: updatedAt }]) => [
      ...(of.startsWith('PROJECT#') && of !== item['pk'] ? [] : [`${name}: it has a standing answer to ${of}`]),
      ...(isStandingStatus(status) ? [] : [`${name}: the standing answer to ${of} is ${String(status)}`]),
      ...(createdAt <= updatedAt ? [] : [`${name}: the standing answer to ${of} was updated before it was created`]),
    ]),
  ];
}

type ItemKind = 'image' | 'offer' | 'owned' | 'membership' | 'everyone';

interface Part {
  /** The project of an offer, membership or owned entry, or the visibility of a public or community entry. */
  readonly project: string;
  readonly item: StoredItem;
}

interface Family {
  readonly imageId: string;
  readonly offers: readonly Part[];
  /** The memberships with a status, without withdrawn memberships. */
  readonly memberships: readonly Part[];
  readonly entries: readonly (Part & { readonly kind: ItemKind })[];
}

/** Returns the kind, image id and project of a key, or `undefined` for an unknown key. */
function classify({ pk, sk }: StoredItem): { kind: ItemKind; imageId: string; project: string } | undefined {
  const [, partition, partitionName] = /^(IMAGE|PROJECT|EVERYONE)#(.*)$/s.exec(String(pk)) ?? [];
  const [, sort, sortName] = /^(IMAGE|MEMBER|OWNED|SHARED)(?:#(.*))?$/s.exec(String(sk)) ?? [];
  const [inPartition = '', inSort = ''] = [partitionName, sortName];
  switch (`${partition} ${sort}${sortName === undefined ? '' : '#'}`) {
    case 'IMAGE IMAGE':
      return { kind: 'image', imageId: inPartition, project: '' };
    case 'IMAGE MEMBER#':
      return { kind: 'offer', imageId: inPartition, project: inSort };
    case 'PROJECT OWNED#':
      return { kind: 'owned', imageId: inSort, project: inPartition };
    case 'PROJECT SHARED#':
      return { kind: 'membership', imageId: inSort, project: inPartition };
    case 'EVERYONE IMAGE#':
      return { kind: 'everyone', imageId: inSort, project: inPartition };
    default:
      return undefined;
  }
}

const nameOf = ({ pk, sk }: StoredItem): string => `${String(pk)} / ${String(sk)}`;

/** Returns a sentence for each attribute that differs; an expected `undefined` is an attribute that must be absent. */
const differences = (item: StoredItem, expected: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(expected)
    .filter(([attribute, value]) => item[attribute] !== value)
    .map(
      ([attribute, value]) =>
        `${nameOf(item)}: ${attribute} is ${JSON.stringify(item[attribute])} and not ${JSON.stringify(value)}`,
    );

const replicatedAttributesOf = (item: StoredItem): ReplicatedAttributes => ({
  owner: item['owner'],
  visibility: item['visibility'],
  hidden: item['os_hidden'],
});

const attributesOf = ({ owner, visibility, hidden }: ReplicatedAttributes) => ({
  owner,
  visibility,
  os_hidden: hidden,
});

const positionOf = (record: StoredItem): ListPosition => ({
  createdAt: (JSON.parse(record['record']) as { created_at: ListPosition['createdAt'] }).created_at,
  id: record['id'],
});

/** Checks a membership, with a status or withdrawn. */
function brokenMembership(
  item: StoredItem,
  imageId: string,
  project: string,
  mayBePending: boolean,
): readonly string[] {
  const status: MemberStatus | undefined = item['status'];
  const inNoIndex = Object.fromEntries(localIndexes.map((index) => [index, undefined]));
  const withoutEnd = Object.fromEntries(endAttributeNames.map((attribute) => [attribute, undefined]));
  const end = item[endAttribute] as number | undefined;
  const name = nameOf(item);
  return [
    ...differences(item, { image_id: imageId, member_id: project }),
    ...(Number.isSafeInteger(item['sequence']) ? [] : [`${name}: sequence is ${String(item['sequence'])}`]),
    ...(item['created_at'] <= item['updated_at'] ? [] : [`${name}: it was updated before it was created`]),
    ...(item['answered_at'] === undefined || item['answered_at'] <= item['updated_at']
      ? []
      : [`${name}: it was answered after its last change`]),
    ...([undefined, true].includes(item['standing_answer']) ? [] : [`${name}: standing_answer is no sign`]),
    ...(item['standing_answer'] === true && item['answered_at'] === undefined
      ? [`${name}: its standing answer has no time`]
      : []),
    ...(end === undefined || Number.isSafeInteger(end) ? [] : [`${name}: its end is ${end}`]),
    ...(status === undefined
      ? [
          ...differences(item, { ...inNoIndex, ...withoutEnd }),
          ...(Number.isSafeInteger(item[timeToLive]) ? [] : [`${name}: it is withdrawn and does not expire`]),
        ]
      : memberStatuses.includes(status)
        ? differences(item, {
            ...inNoIndex,
            [membershipIndex]: item[membershipIndex], // compared with the image
            [indexOfStatus[status]]: mayBePending ? item[indexOfStatus[status]] : item[membershipIndex],
            [timeToLive]: undefined,
            ...(end === undefined ? withoutEnd : { [expiryShardAttribute]: imageId.at(-1) }),
          })
        : [`${name}: status is ${status as string}`]),
  ];
}

/** Checks a tombstone, or items without an image record. */
function brokenTombstone(record: StoredItem | undefined, { imageId, offers, memberships, entries }: Family): string[] {
  const attributes = ['pk', 'sk', 'format', 'id', 'owner', 'version', 'deleted_at', 'updated_by'];
  return [
    ...[...offers, ...memberships, ...entries].map(({ item }) => `${nameOf(item)}: there is no image ${imageId}`),
    ...Object.keys(record ?? {})
      .filter((attribute) => !attributes.includes(attribute))
      .map((attribute) => `${nameOf(record!)}: it is deleted and still has ${attribute}`),
  ];
}

/** Checks the status of an image record. */
function brokenStatus(record: StoredItem): readonly string[] {
  const { data, import: job } = JSON.parse(record['record']) as { data?: object; import?: { job: string } };
  const hasData = ['active', 'deactivated'].includes(record['status']);
  return [
    // An earlier version stored no such attribute.
    ...differences({ import_job: '', ...record }, { import_job: job?.job ?? '' }),
    ...((job !== undefined) === (record['status'] === 'importing') && (data !== undefined) === hasData
      ? []
      : [`${nameOf(record)}: status is ${String(record['status'])}, which does not fit its data or import`]),
  ];
}

/** Checks an image record, its member count and its list entries. */
function brokenImage(record: StoredItem, family: Family, options: InvariantOptions): readonly string[] {
  const { imageId, offers, memberships, entries } = family;
  const name = nameOf(record);
  const count = record['member_count'] as number;
  const facts = replicatedAttributesOf(record);
  const offered = offers.map(({ project }) => project).toSorted();
  const members = memberships.map(({ project }) => project).toSorted();
  const entry = (key: string, segment: ListSegment) => ({
    key,
    expected: { listed: listKey(segment, positionOf(record)), ...attributesOf(facts) },
  });
  const wantedEntries = [
    entry(`owned ${facts.owner}`, ownedSegment(facts.hidden)),
    ...(isPublicOrCommunity(facts.visibility)
      ? [entry(`everyone ${facts.visibility}`, publicOrCommunitySegment(facts.hidden))]
      : []),
  ];
  const entryKey = ({ kind, project }: Family['entries'][number]): string => `${kind} ${project}`;
  return [
    ...differences(record, {
      id: imageId,
      [catalogIndex]: facts.visibility,
      [catalogSortKey]: listKey(ownedSegment(facts.hidden), positionOf(record)),
      deleted_at: undefined,
    }),
    ...brokenStatus(record),
    ...(count === offers.length ? [] : [`${name}: member_count is ${count}, of ${offers.length} offers`]),
    ...(count === memberships.length ? [] : [`${name}: member_count is ${count}, of ${memberships.length} members`]),
    ...(offered.join('\n') === members.join('\n')
      ? []
      : [`${name}: it was offered to ${offered.join(', ')}, and ${members.join(', ')} are its members`]),
    ...(count <= (options.quota ?? Number.POSITIVE_INFINITY) ? [] : [`${name}: ${count} members are over the quota`]),
    ...(record['pending_change'] === undefined || options.changesMayBePending === true
      ? []
      : [`${name}: it has a pending change`]),
    ...wantedEntries
      .filter(({ key }) => !entries.some((each) => entryKey(each) === key))
      .map(({ key }) => `${name}: it has no entry ${key}`),
    ...entries.flatMap((each) => {
      const expected = wantedEntries.find(({ key }) => key === entryKey(each));
      return expected === undefined
        ? [`${nameOf(each.item)}: the image belongs to no such list`]
        : differences(each.item, expected.expected);
    }),
  ];
}

/** Checks the offers and memberships of an image against its record and each other. */
function brokenFamily(record: StoredItem, { offers, memberships }: Family): readonly string[] {
  const pending = record['pending_change'] as StoredItem | undefined;
  const possible = [record, ...(pending?.['kind'] === 'facts' ? [pending] : [])].map(replicatedAttributesOf);
  // The record of an image becomes shared before its memberships, and does not keep its old visibility.
  const becomesShared = pending?.['visibility'] === 'shared' && record['visibility'] === 'shared';
  return memberships.flatMap(({ item, project }) => {
    const offer = offers.find((each) => each.project === project)?.item;
    const before = becomesShared && item['visibility'] !== 'shared' ? [replicatedAttributesOf(item)] : [];
    const ofOwner = project === record['owner'] ? possible.map((facts) => ({ ...facts, owner: record['owner'] })) : [];
    const mismatches = [...possible, ...before, ...ofOwner].map((facts) =>
      differences(item, {
        ...attributesOf(facts),
        [membershipIndex]: listKey(membershipSegment(facts), positionOf(record)),
      }),
    );
    return [
      ...(mismatches.some((each) => each.length === 0) ? [] : mismatches[0]!),
      ...(offer === undefined
        ? []
        : differences(offer, {
            membership_id: item['membership_id'],
            created_at: item['created_at'],
            [endAttribute]: item[endAttribute],
            [timeToLive]: undefined,
          })),
    ];
  });
}
