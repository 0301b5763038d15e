import { parseTimestamp, type Timestamp } from '../../domain/clock.ts';
import type { MembershipState } from '../../domain/change.ts';
import type { HistoryEntry, ImageAccess } from '../../domain/history/history-entry.ts';
import { parseImageId, parseProjectId } from '../../domain/ids.ts';
import { visibilities } from '../../domain/image.ts';
import { memberStatuses } from '../../domain/membership.ts';
import { actorAttribute, actorFrom } from './image-item.ts';
import { itemReader, type ItemReader } from './item-reader.ts';
import {
  historyEntryKey,
  imageHistoryKey,
  itemFormat,
  memberHistoryKey,
  pastMemberKey,
  timeToLive,
  type ItemKey,
} from '../keys.ts';
import type { Item } from '../table.ts';

/**
 * Additional retention of the item of a past member: its entries must not outlive it, although a stream record that is
 * processed again writes its earlier time to live.
 */
const additionalRetentionDays = 30;

const secondsPerDay = 24 * 3600;

/**
 * Returns the items of an entry: one among all entries of its image, and one among those of its member or of the image
 * itself. An offer and the end of a membership also have the item of the past member.
 */
export function historyItems(entry: HistoryEntry, retentionDays: number): readonly (ItemKey & Item)[] {
  const { imageId } = entry;
  const expiringAfter = (days: number) => Math.floor(Date.parse(entry.time) / 1000) + days * secondsPerDay;
  const attributes = { format: itemFormat, entry: entryJson(entry), [timeToLive]: expiringAfter(retentionDays) };
  const items = [
    { ...historyEntryKey(imageId, entry), ...attributes },
    {
      ...(entry.kind === 'image' ? imageHistoryKey(imageId, entry) : memberHistoryKey(imageId, entry.memberId, entry)),
      ...attributes,
    },
  ];
  const isAnswer = entry.before !== undefined && entry.after !== undefined;
  if (entry.kind === 'image' || isAnswer) return items;
  const pastMember = {
    ...pastMemberKey(imageId, entry.memberId),
    format: itemFormat,
    [timeToLive]: expiringAfter(retentionDays + additionalRetentionDays),
  };
  return [...items, pastMember];
}

/** Returns the text that stores an entry: no condition, index or filter reads it. */
function entryJson(entry: HistoryEntry): string {
  const common = {
    kind: entry.kind,
    image: entry.imageId,
    subject: entry.subject,
    sequence: entry.sequence,
    time: entry.time,
    actor: actorAttribute(entry.actor),
  };
  return JSON.stringify(
    entry.kind === 'image'
      ? { ...common, before: imageJson(entry.before), after: imageJson(entry.after) }
      : { ...common, member: entry.memberId, before: membershipJson(entry.before), after: membershipJson(entry.after) },
  );
}

const imageJson = (state: ImageAccess | undefined): object | undefined =>
  state && { visibility: state.visibility, owner: state.owner };

const membershipJson = (state: MembershipState | undefined): object | undefined =>
  state && { status: state.status, expires_at: state.expiresAt };

/**
 * Returns the entry of an item.
 *
 * @throws Error if the item is malformed
 */
export function historyEntryFromItem(item: Item): HistoryEntry {
  const read = itemReader(item).json('entry');
  const common = {
    imageId: read.parsed('image', 'an image id', parseImageId),
    subject: read.string('subject'),
    sequence: read.number('sequence'),
    time: timestampFrom(read, 'time'),
    actor: actorFrom(read.map('actor')),
  };
  if (read.oneOf('kind', ['image', 'membership']) === 'image')
    return {
      ...common,
      kind: 'image',
      before: stateFrom(read, 'before', imageFrom),
      after: stateFrom(read, 'after', imageFrom),
    };
  return {
    ...common,
    kind: 'membership',
    memberId: read.parsed('member', 'a project id', parseProjectId),
    before: stateFrom(read, 'before', membershipFrom),
    after: stateFrom(read, 'after', membershipFrom),
  };
}

const stateFrom = <State>(read: ItemReader, name: string, from: (read: ItemReader) => State): State | undefined =>
  read.has(name) ? from(read.map(name)) : undefined;

const imageFrom = (read: ItemReader): ImageAccess => ({
  visibility: read.oneOf('visibility', visibilities),
  owner: read.parsed('owner', 'a project id', parseProjectId),
});

const membershipFrom = (read: ItemReader): MembershipState => ({
  status: read.oneOf('status', memberStatuses),
  expiresAt: read.has('expires_at') ? timestampFrom(read, 'expires_at') : undefined,
});

const timestampFrom = (read: ItemReader, name: string): Timestamp => read.parsed(name, 'a timestamp', parseTimestamp);
