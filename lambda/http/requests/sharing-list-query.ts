import type { Caller } from '../../domain/caller.ts';
import { invalidRequest } from '../../domain/errors.ts';
import { parseProjectId, projectIdForm, type ProjectId } from '../../domain/ids.ts';
import { sortDirections } from '../../domain/image-filter.ts';
import { memberStatuses } from '../../domain/membership.ts';
import { offerSortKeys, type OfferListRequest } from '../../use-cases/sharing/list-offers.ts';
import { maxOwnImages, type OwnImageListRequest } from '../../use-cases/sharing/list-own-images.ts';
import { hiddenOf, knownParameters, limitOf, oneOf } from './query-parameters.ts';

/** Default and maximum of `limit` in a list of offers. */
export const offerLimits = { byDefault: 25, max: 100 } as const;
const ownImageLimits = { byDefault: maxOwnImages, max: maxOwnImages } as const;

/** The values of `status` in a list of offers. */
export const offerStatuses = [...memberStatuses, 'all'] as const;

const offerParameters = ['status', 'owner', 'name_prefix', 'os_hidden', 'sort', 'limit', 'marker'] as const;
const ownImageParameters = ['os_hidden', 'limit', 'marker'] as const;

/** Maximum length of an image's name, in code points. */
const maxNameLength = 255;

/** Returns the list request of a query. @throws SharingError `invalid-request` if a parameter is unknown or invalid */
export function offerListQuery(query: URLSearchParams, caller: Caller): OfferListRequest {
  const parameters = knownParameters(query, offerParameters);
  return {
    caller,
    status: oneOf('status', parameters.status ?? 'pending', offerStatuses),
    owner: ownerOf(parameters.owner),
    namePrefix: namePrefixOf(parameters.name_prefix),
    hidden: hiddenOf(parameters.os_hidden),
    sort: sortOf(parameters.sort ?? 'created_at'),
    limit: limitOf(parameters.limit, offerLimits),
    marker: parameters.marker,
  };
}

/** Returns the list request of a query. @throws SharingError `invalid-request` if a parameter is unknown or invalid */
export function ownImageListQuery(query: URLSearchParams, caller: Caller): OwnImageListRequest {
  const parameters = knownParameters(query, ownImageParameters);
  return {
    caller,
    hidden: hiddenOf(parameters.os_hidden),
    limit: limitOf(parameters.limit, ownImageLimits),
    marker: parameters.marker,
  };
}

function ownerOf(text: string | undefined): ProjectId | undefined {
  if (text === undefined) return undefined;
  const owner = parseProjectId(text);
  if (owner === undefined) throw invalidRequest(`"owner" must be ${projectIdForm}.`);
  return owner;
}

function namePrefixOf(text: string | undefined): string | undefined {
  if (text !== undefined && (text === '' || Array.from(text).length > maxNameLength)) {
    throw invalidRequest(`"name_prefix" must have 1 to ${maxNameLength} characters.`);
  }
  return text;
}

/** Parses `<key>` or `<key>:<direction>`. */
function sortOf(text: string): OfferListRequest['sort'] {
  const [keyText, directionText = 'desc', ...more] = text.split(':');
  const key = offerSortKeys.find((sortKey) => sortKey === keyText);
  const direction = sortDirections.find((sortDirection) => sortDirection === directionText);
  if (key === undefined || direction === undefined || more.length > 0) {
    throw invalidRequest(`"sort" must be ${offerSortKeys.join(' or ')}, alone or with ":asc" or ":desc".`);
  }
  return { key, direction };
}
