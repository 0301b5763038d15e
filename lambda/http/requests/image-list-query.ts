import { invalidRequest } from '../../domain/errors.ts';
import type { Caller } from '../../domain/caller.ts';
import { matchNone, sortDirections, sortKeys, type ImageFilter, type Sort } from '../../domain/image-filter.ts';
import { parseProjectId } from '../../domain/ids.ts';
import { hashAlgorithm, visibilities, type Image } from '../../domain/image.ts';
import { memberStatuses } from '../../domain/membership.ts';
import type { ImageListRequest } from '../../use-cases/images/list-images.ts';
import { hiddenOf, limitOf, oneOf } from './query-parameters.ts';

const defaultLimit = 25;
const maxLimit = 1000;
const maxInValues = 1000;

/** Parameters that a query can repeat. */
const repeatable = ['tag', 'sort_key', 'sort_dir'];

/** Returns the effective parameters of a query: all values of a repeatable parameter, the last value of any other. */
export function effectiveParameters(query: URLSearchParams): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of query) {
    if (repeatable.includes(name)) parameters.append(name, value);
    else parameters.set(name, value);
  }
  return parameters;
}

/**
 * Returns the list request of a query (Image API v2, "List images"). Any other parameter filters by the custom property
 * of that name.
 *
 * @throws SharingError `invalid-request` if a parameter is invalid
 */
export function imageListQuery(parameters: URLSearchParams, caller: Caller): ImageListRequest {
  const query = effectiveParameters(parameters);
  const read = (name: string): string | undefined => query.get(name) ?? undefined;
  const visibility = read('visibility');
  const memberStatus = read('member_status') ?? 'accepted';
  const owner = read('owner');
  const ownerId = owner === undefined ? undefined : parseProjectId(owner);
  return {
    caller,
    visibility:
      visibility === undefined ? undefined : oneOf('visibility', visibility, [...visibilities, 'all'] as const),
    memberStatus: oneOf('member_status', memberStatus, [...memberStatuses, 'all'] as const),
    owner: ownerId,
    hidden: hiddenOf(read('os_hidden')),
    limit: limitOf(read('limit'), { byDefault: defaultLimit, max: maxLimit }),
    marker: read('marker'),
    sorts: sortsOf(query),
    // An invalid project id owns no image.
    filters: [...(owner !== undefined && ownerId === undefined ? [matchNone] : []), ...filtersOf(query)],
  };
}

/** Parses `sort=name:asc,size:desc`, or repeated `sort_key` and `sort_dir`. */
function sortsOf(query: URLSearchParams): readonly Sort[] {
  const keys = query.getAll('sort_key');
  const directions = query.getAll('sort_dir');
  const sort = query.get('sort');
  if (sort !== null) {
    if (keys.length + directions.length > 0)
      throw invalidRequest('"sort" must not be combined with "sort_key" or "sort_dir".');
    return sort.split(',').map((item) => {
      const [key = '', direction = 'desc'] = item.split(':', 2);
      return {
        key: oneOf('sort', key.trim(), sortKeys),
        direction: oneOf('sort', direction.trim() || 'desc', sortDirections),
      };
    });
  }
  if (directions.length > 1 && directions.length !== keys.length) {
    throw invalidRequest('"sort_dir" must be given once, or once for each "sort_key".');
  }
  const parsed = directions.map((direction) => oneOf('sort_dir', direction.trim(), sortDirections));
  return (keys.length === 0 ? ['created_at'] : keys).map((key, n) => ({
    key: oneOf('sort_key', key.trim(), sortKeys),
    direction: parsed[n] ?? parsed[0] ?? 'desc',
  }));
}

/** Parameters that select, order or page the list and do not filter records. */
const nonFilterParameters = [
  'limit',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'visibility',
  'member_status',
  'owner',
  'os_hidden',
];

const textFields = new Map<string, (image: Image) => string | null>([
  ['id', ({ id }) => id],
  ['name', ({ name }) => name],
  ['status', ({ status }) => status],
  ['container_format', ({ containerFormat }) => containerFormat],
  ['disk_format', ({ diskFormat }) => diskFormat],
  ['checksum', ({ data }) => data?.checksum ?? null],
  ['os_hash_algo', ({ data }) => (data === undefined ? null : hashAlgorithm)],
  ['os_hash_value', ({ data }) => data?.hash ?? null],
]);
const timeFields = new Map<string, (image: Image) => string>([
  ['created_at', ({ createdAt }) => createdAt],
  ['updated_at', ({ updatedAt }) => updatedAt],
]);
const numberFields = new Map<string, (image: Image) => number | null>([
  ['size', ({ data }) => data?.size ?? null],
  ['virtual_size', ({ data }) => data?.virtualSize ?? null],
  ['min_disk', ({ minDisk }) => minDisk],
  ['min_ram', ({ minRam }) => minRam],
]);
/** Limits of the size of images, which an image without data never fits. */
const sizeLimits = new Map<string, (size: number, limit: number) => boolean>([
  ['size_min', (size, limit) => size >= limit],
  ['size_max', (size, limit) => size <= limit],
]);

function filtersOf(query: URLSearchParams): readonly ImageFilter[] {
  return [...query].flatMap(([name, value]): ImageFilter[] => {
    if (nonFilterParameters.includes(name)) return [];
    if (name === 'tag') return [({ tags }) => tags.includes(value)];
    if (name === 'protected') {
      const isProtected = oneOf('protected', value, ['true', 'false'] as const) === 'true';
      return [(image) => image.protected === isProtected];
    }
    if (name === 'changes-since')
      throw invalidRequest('"changes-since" is not supported; use "updated_at=gte:<time>".');
    const [text, time, number] = [textFields.get(name), timeFields.get(name), numberFields.get(name)];
    if (text !== undefined) return [textFilter(name, value, text)];
    if (time !== undefined) return [timeFilter(name, value, time)];
    if (number !== undefined) {
      const wanted = wholeNumber(name, value);
      return [(image) => number(image) === wanted];
    }
    const isWithin = sizeLimits.get(name);
    if (isWithin !== undefined) {
      const limit = wholeNumber(name, value);
      return [({ data }) => data !== undefined && isWithin(data.size, limit)];
    }
    return [({ properties }) => Object.hasOwn(properties, name) && properties[name] === value];
  });
}

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw invalidRequest(`"${name}" must be a whole number.`);
  return Number(value);
}

/** Parses `<text>`, `eq:<text>`, or `in:<text>,"<text, with commas>"`. */
function textFilter(name: string, value: string, read: (image: Image) => string | null): ImageFilter {
  const [, operator, operand = ''] = /^(in|eq|neq|gt|gte|lt|lte):(.*)$/s.exec(value) ?? [];
  if (operator === undefined) return (image) => read(image) === value;
  if (operator === 'eq') return (image) => read(image) === operand;
  if (operator !== 'in') throw invalidRequest(`The operator of "${name}" must be "eq:" or "in:"; got "${operator}:".`);
  const values = new Set(splitList(name, operand));
  return (image) => values.has(read(image) ?? '');
}

function splitList(name: string, text: string): readonly string[] {
  // The sticky expression reads each character once: the value can be as long as a request.
  const item = /(?:"((?:[^"\\]|\\.)*)"|([^",]*))(?:,|$)/sy;
  const values: string[] = [];
  while (item.lastIndex < text.length) {
    const [, quoted, plain = ''] = item.exec(text) ?? [];
    if (item.lastIndex === 0) {
      throw invalidRequest(
        `"${name}=in:" must have values separated by commas, each either entirely quoted or not quoted.`,
      );
    }
    values.push(quoted?.replaceAll(/\\(.)/gs, '$1') ?? plain.trim());
    if (values.length > maxInValues) {
      throw invalidRequest(`"${name}=in:" must have at most ${maxInValues} values.`);
    }
  }
  return values.filter((value) => value !== '');
}

const comparisons = new Map<string, (order: number) => boolean>([
  ['eq', (order) => order === 0],
  ['neq', (order) => order !== 0],
  ['gt', (order) => order > 0],
  ['gte', (order) => order >= 0],
  ['lt', (order) => order < 0],
  ['lte', (order) => order <= 0],
]);
const time = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?$/;

/** Parses `<time>`, or `<operator>:<time>`. A time without a zone is UTC. */
function timeFilter(name: string, value: string, read: (image: Image) => string): ImageFilter {
  const [, operator = 'eq', moment = ''] = /^(?:([a-z]+):)?(.*)$/s.exec(value) ?? [];
  const compare = comparisons.get(operator);
  // A plus sign that is not encoded arrives as a space.
  const written = moment.replace(/ (?=\d\d:?\d\d$)(?<=:\d\d.*)/, '+');
  const zone = time.exec(written)?.[1];
  const at = Date.parse(zone === undefined && written.length > 10 ? `${written}Z` : written);
  if (compare === undefined || !time.test(written) || Number.isNaN(at)) {
    throw invalidRequest(
      `"${name}" must be an ISO 8601 time, optionally after one of ${[...comparisons.keys()].join(':, ')}:.`,
    );
  }
  return (image) => compare(Math.sign(Date.parse(read(image)) - at));
}
