import { describe, expect, test } from '@jest/globals';
import { matchesSource, listSources, type ImageListScope, type ListSource } from '../../../lambda/domain/image-list.ts';
import type { ProjectId } from '../../../lambda/domain/ids.ts';
import { visibilities, type Image } from '../../../lambda/domain/image.ts';
import { aCaller } from './a-caller.ts';
import { anImage } from './an-image.ts';

/** A run in words, such as `own private|shared` or `offered accepted of alpha`. */
function inWords(source: ListSource): string {
  const among = source.visibilities && ` ${source.visibilities.join('|')}`;
  const what = {
    owned: () => `owned by ${(source as { project: string }).project}`,
    offered: () => `offered to ${(source as { project: string }).project}, ${(source as { status: string }).status}`,
    everyone: () => `everyone's ${(source as { visibility: string }).visibility}`,
    catalog: () => `every project's ${(source as { visibility: string }).visibility}`,
  }[source.kind]();
  return `${what}${among ?? ''}${source.owner === undefined ? '' : ` of ${source.owner}`}${source.hidden ? ', hidden' : ''}`;
}

interface Case {
  readonly as: string;
  readonly asked: Partial<Omit<ImageListScope, 'caller'>>;
  readonly runs: readonly string[];
}

const alpha = 'alpha' as ProjectId;
const beta = 'beta' as ProjectId;

/* What a list is made of, by who asks for what (Image API v2, "List images"). */
const cases: readonly Case[] = [
  // A member, of one project's images and of another's offers.
  { as: 'beta:reader', asked: {}, runs: ['owned by beta', 'offered to beta, accepted', "everyone's public"] },
  {
    as: 'beta:member',
    asked: { memberStatus: 'pending' },
    runs: ['owned by beta', 'offered to beta, pending', "everyone's public"],
  },
  {
    as: 'beta:member',
    asked: { memberStatus: 'rejected' },
    runs: ['owned by beta', 'offered to beta, rejected', "everyone's public"],
  },
  {
    as: 'beta:member',
    asked: { memberStatus: 'all' },
    runs: ['owned by beta', 'offered to beta, all', "everyone's public"],
  },
  { as: 'beta:member', asked: { visibility: 'shared' }, runs: ['owned by beta shared', 'offered to beta, accepted'] },
  { as: 'beta:member', asked: { visibility: 'private' }, runs: ['owned by beta private'] },
  { as: 'beta:member', asked: { visibility: 'private', memberStatus: 'all' }, runs: ['owned by beta private'] },
  { as: 'beta:member', asked: { visibility: 'community' }, runs: ["everyone's community"] },
  { as: 'beta:member', asked: { visibility: 'public' }, runs: ["everyone's public"] },
  {
    as: 'beta:member',
    asked: { visibility: 'all' },
    runs: ['owned by beta', 'offered to beta, accepted', "everyone's community", "everyone's public"],
  },
  // Narrowed to an owner.
  {
    as: 'beta:member',
    asked: { owner: alpha },
    runs: ['offered to beta, accepted of alpha', "everyone's public of alpha"],
  },
  {
    as: 'beta:member',
    asked: { owner: beta },
    runs: ['owned by beta', 'offered to beta, accepted of beta', "everyone's public of beta"],
  },
  { as: 'beta:member', asked: { owner: alpha, visibility: 'private' }, runs: [] },
  { as: 'beta:member', asked: { owner: alpha, visibility: 'community' }, runs: ["everyone's community of alpha"] },
  // Hidden ones.
  {
    as: 'beta:member',
    asked: { hidden: true },
    runs: ['owned by beta, hidden', 'offered to beta, accepted, hidden', "everyone's public, hidden"],
  },
  // An admin: every project's, whatever their members answered.
  {
    as: 'ops:admin',
    asked: {},
    runs: ["every project's private", "every project's shared", "every project's public", 'owned by ops community'],
  },
  {
    as: 'ops:admin',
    asked: { memberStatus: 'rejected' },
    runs: ["every project's private", "every project's shared", "every project's public", 'owned by ops community'],
  },
  { as: 'ops:admin', asked: { visibility: 'all' }, runs: visibilities.map((each) => `every project's ${each}`) },
  { as: 'ops:admin', asked: { visibility: 'community' }, runs: ["every project's community"] },
  { as: 'ops:admin', asked: { visibility: 'private' }, runs: ["every project's private"] },
  { as: 'ops:admin', asked: { owner: alpha }, runs: ['owned by alpha private|shared|public'] },
  { as: 'ops:admin', asked: { owner: alpha, visibility: 'all' }, runs: ['owned by alpha'] },
  { as: 'ops:admin', asked: { owner: alpha, visibility: 'community' }, runs: ['owned by alpha community'] },
  { as: 'alpha:admin', asked: { owner: alpha }, runs: ['owned by alpha'] },
  { as: 'ops:admin', asked: { hidden: true, visibility: 'shared' }, runs: ["every project's shared, hidden"] },
];

test.each(cases)('$as asks for $asked: $runs', ({ as, asked, runs }) => {
  const sources = listSources({
    caller: aCaller(as),
    visibility: undefined,
    memberStatus: 'accepted',
    owner: undefined,
    hidden: false,
    ...asked,
  });

  expect(sources.map(inWords).toSorted()).toEqual(runs.toSorted());
});

describe('belongs', () => {
  const anySource = { hidden: false, owner: undefined, visibilities: undefined };
  const table: readonly { run: ListSource; yes: readonly Partial<Image>[]; no: readonly Partial<Image>[] }[] = [
    {
      run: { ...anySource, kind: 'owned', project: alpha },
      yes: visibilities.map((visibility) => ({ visibility })),
      no: [{ owner: beta }, { hidden: true }],
    },
    {
      run: { ...anySource, kind: 'owned', project: alpha, hidden: true, visibilities: ['private', 'public'] },
      yes: [
        { hidden: true, visibility: 'private' },
        { hidden: true, visibility: 'public' },
      ],
      no: [{ visibility: 'private' }, { hidden: true, visibility: 'shared' }],
    },
    {
      run: { ...anySource, kind: 'offered', project: beta, status: 'accepted', owner: alpha },
      yes: [{}],
      no: [{ owner: beta }, { visibility: 'private' }, { visibility: 'public' }, { hidden: true }],
    },
    {
      run: { ...anySource, kind: 'everyone', visibility: 'community' },
      yes: [{ visibility: 'community', owner: beta }],
      no: [{ visibility: 'public' }, {}, { visibility: 'community', hidden: true }],
    },
    {
      run: { ...anySource, kind: 'catalog', visibility: 'private' },
      yes: [{ visibility: 'private', owner: beta }],
      no: [{ visibility: 'shared' }],
    },
  ];

  test.each(table)('what still is in $run', ({ run, yes, no }) => {
    expect(yes.filter((each) => !matchesSource(anImage(each), run))).toEqual([]);
    expect(no.filter((each) => matchesSource(anImage(each), run))).toEqual([]);
  });
});
