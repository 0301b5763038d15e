import type { Caller } from '../../domain/caller.ts';
import { parseTimestamp, timestamp, type Timestamp } from '../../domain/clock.ts';
import { invalidRequest } from '../../domain/errors.ts';
import type { HistoryPosition } from '../../domain/history/history-entry.ts';
import { parseProjectId, projectIdForm, type ImageId, type ProjectId } from '../../domain/ids.ts';
import type { AccessRequest, ChangesRequest } from '../../use-cases/sharing/show-history.ts';
import { knownParameters, limitOf } from './query-parameters.ts';

/** Default and maximum of `limit` in a history. */
export const historyLimits = { byDefault: 25, max: 100 } as const;

/**
 * Returns the history request of a query.
 *
 * @throws SharingError `invalid-request` if a parameter is unknown or invalid
 */
export function historyQuery(query: URLSearchParams, imageId: ImageId, caller: Caller): ChangesRequest | AccessRequest {
  const { member_id: member, at, limit, marker } = knownParameters(query, ['member_id', 'at', 'limit', 'marker']);
  const common = {
    imageId,
    caller,
    memberId: member === undefined ? undefined : projectOf('member_id', member),
    limit: limitOf(limit, historyLimits),
  };
  return at === undefined
    ? { ...common, at, marker: marker === undefined ? undefined : positionOf(marker) }
    : { ...common, at: timeOf(at), marker: marker === undefined ? undefined : projectOf('marker', marker) };
}

function projectOf(name: string, text: string): ProjectId {
  const project = parseProjectId(text);
  if (project === undefined) throw invalidRequest(`"${name}" must be ${projectIdForm}.`);
  return project;
}

function timeOf(text: string): Timestamp {
  const time = parseTimestamp(text);
  // `Date` continues a month that is too short into the next month.
  if (time === undefined || timestamp(new Date(time)) !== time) {
    throw invalidRequest('"at" must be a time in UTC in the form 2026-12-31T12:00:00Z.');
  }
  return time;
}

/** Returns the marker of a position: a text without a meaning to clients. */
export const markerOf = ({ time, sequence, subject }: HistoryPosition): string =>
  Buffer.from(`${time} ${sequence} ${subject}`).toString('base64url');

/** Parses a marker of {@link markerOf}, in exactly this form. */
function positionOf(marker: string): HistoryPosition {
  const [, timeText = '', digits = '', subject = ''] =
    /^(\S+) (\d{1,16}) ([\w-]{1,64})$/.exec(Buffer.from(marker, 'base64url').toString()) ?? [];
  const time = parseTimestamp(timeText);
  const position = time && { time, sequence: Number(digits), subject };
  if (position === undefined || !Number.isSafeInteger(position.sequence) || markerOf(position) !== marker) {
    throw invalidRequest('"marker" is unknown; use the "next" link of the previous page.');
  }
  return position;
}
