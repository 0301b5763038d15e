import { describe, expect, test } from '@jest/globals';
import { matchesSource, listSources, type ImageListScope, type ListSource } from '../../../lambda/domain/image-list.ts';
import type { ProjectId } from '../../../lambda/domain/ids.ts';
import { visibilities, type Image } from '../../../lambda/domain/image.ts';
import { aCaller } from './a-caller.ts';
import { anImage } from './an-image.ts';

/** Describes a source, such as `owned by beta private|shared` or `offered to beta, accepted of alpha`. */
function describeSource(source: ListSource): string {
  const visibilitiesText = source.visibilities && ` ${source.visibilities.join('|')}`;
  const kind = {
    owned: () => `owned by ${(source as { project: string }).project}`,
    offered: () => `offered to ${(source as { project: string }).project}, ${(source as { status: string }).status}`,
    'public-or-community': () => (source as { visibility: string }).visibility,
    catalog: () => `every project's ${(source as { visibility: string }).visibility}`,
  }[source.kind]();
  return `${kind}${visibilitiesText ?? ''}${source.owner === undefined ? '' : ` of ${source.owner}`}${source.hidden ? ', hidden' : ''}`;
}

interface Case {
  readonly as: string;
  readonly request: Partial<Omit<ImageListScope, 'caller'>>;
  readonly sources: readonly string[];
}

const alpha = 'alpha' as ProjectId;
const beta = 'beta' as ProjectId;

/* The sources of a list by caller and request (Image API v2, "List images"). */
const cases: readonly Case[] = [
  // A project lists its own images, offers from others, and public images.
  { as: 'beta:reader', request: {}, sources: ['owned by beta', 'offered to beta, accepted', 'public'] },
  {
    as: 'beta:member',
    request: { memberStatus: 'pending' },
    sources: ['owned by beta', 'offered to beta, pending', 'public'],
  },
  {
    as: 'beta:member',
    request: { memberStatus: 'rejected' },
    sources: ['owned by beta', 'offered to beta, rejected', 'public'],
  },
  {
    as: 'beta:member',
    request: { memberStatus: 'all' },
    sources: ['owned by beta', 'offered to beta, all', 'public'],
  },
  {
    as: 'beta:member',
    request: { visibility: 'shared' },
    sources: ['owned by beta shared', 'offered to beta, accepted'],
  },
  { as: 'beta:member', request: { visibility: 'private' }, sources: ['owned by beta private'] },
  { as: 'beta:member', request: { visibility: 'private', memberStatus: 'all' }, sources: ['owned by beta private'] },
  { as: 'beta:member', request: { visibility: 'community' }, sources: ['community'] },
  { as: 'beta:member', request: { visibility: 'public' }, sources: ['public'] },
  {
    as: 'beta:member',
    request: { visibility: 'all' },
    sources: ['owned by beta', 'offered to beta, accepted', 'community', 'public'],
  },
  // Narrowed to an owner.
  {
    as: 'beta:member',
    request: { owner: alpha },
    sources: ['offered to beta, accepted of alpha', 'public of alpha'],
  },
  {
    as: 'beta:member',
    request: { owner: beta },
    sources: ['owned by beta', 'offered to beta, accepted of beta', 'public of beta'],
  },
  { as: 'beta:member', request: { owner: alpha, visibility: 'private' }, sources: [] },
  { as: 'beta:member', request: { owner: alpha, visibility: 'community' }, sources: ['community of alpha'] },
  // Hidden images.
  {
    as: 'beta:member',
    request: { hidden: true },
    sources: ['owned by beta, hidden', 'offered to beta, accepted, hidden', 'public, hidden'],
  },
  // An admin lists the images of all projects regardless of membership status.
  {
    as: 'ops:admin',
    request: {},
    sources: ["every project's private", "every project's shared", "every project's public", 'owned by ops community'],
  },
  {
    as: 'ops:admin',
    request: { memberStatus: 'rejected' },
    sources: ["every project's private", "every project's shared", "every project's public", 'owned by ops community'],
  },
  {
    as: 'ops:admin',
    request: { visibility: 'all' },
    sources: visibilities.map((visibility) => `every project's ${visibility}`),
  },
  { as: 'ops:admin', request: { visibility: 'community' }, sources: ["every project's community"] },
  { as: 'ops:admin', request: { visibility: 'private' }, sources: ["every project's private"] },
  { as: 'ops:admin', request: { owner: alpha }, sources: ['owned by alpha private|shared|public'] },
  { as: 'ops:admin', request: { owner: alpha, visibility: 'all' }, sources: ['owned by alpha'] },
  { as: 'ops:admin', request: { owner: alpha, visibility: 'community' }, sources: ['owned by alpha community'] },
  { as: 'alpha:admin', request: { owner: alpha }, sources: ['owned by alpha'] },
  { as: 'ops:admin', request: { hidden: true, visibility: 'shared' }, sources: ["every project's shared, hidden"] },
];

test.each(cases)('$as with the request $request lists $sources', ({ as, request, sources: expected }) => {
  const sources = listSources({
    caller: aCaller(as),
    visibility: undefined,
    memberStatus: 'accepted',
    owner: undefined,
    hidden: false,
    ...request,
  });

  expect(sources.map(describeSource).toSorted()).toEqual(expected.toSorted());
});

describe('an image matches a source', () => {
  const anySource = { hidden: false, owner: undefined, visibilities: undefined };
  const table: readonly {
    source: ListSource;
    matching: readonly Partial<Image>[];
    other: readonly Partial<Image>[];
  }[] = [
    {
      source: { ...anySource, kind: 'owned', project: alpha },
      matching: visibilities.map((visibility) => ({ visibility })),
      other: [{ owner: beta }, { hidden: true }],
    },
    {
      source: { ...anySource, kind: 'owned', project: alpha, hidden: true, visibilities: ['private', 'public'] },
      matching: [
        { hidden: true, visibility: 'private' },
        { hidden: true, visibility: 'public' },
      ],
      other: [{ visibility: 'private' }, { hidden: true, visibility: 'shared' }],
    },
    {
      source: { ...anySource, kind: 'offered', project: beta, status: 'accepted', owner: alpha },
      matching: [{}],
      other: [{ owner: beta }, { visibility: 'private' }, { visibility: 'public' }, { hidden: true }],
    },
    {
      source: { ...anySource, kind: 'public-or-community', visibility: 'community' },
      matching: [{ visibility: 'community', owner: beta }],
      other: [{ visibility: 'public' }, {}, { visibility: 'community', hidden: true }],
    },
    {
      source: { ...anySource, kind: 'catalog', visibility: 'private' },
      matching: [{ visibility: 'private', owner: beta }],
      other: [{ visibility: 'shared' }],
    },
  ];

  test.each(table)('$source', ({ source, matching, other }) => {
    expect(matching.filter((attributes) => !matchesSource(anImage(attributes), source))).toEqual([]);
    expect(other.filter((attributes) => matchesSource(anImage(attributes), source))).toEqual([]);
  });
});
