import { expect, test } from '@jest/globals';
import type { Caller } from '../../../lambda/domain/caller.ts';
import { SharingError } from '../../../lambda/domain/errors.ts';
import type { ProjectId } from '../../../lambda/domain/ids.ts';
import type { Image } from '../../../lambda/domain/image.ts';
import { memberStatuses, type Membership } from '../../../lambda/domain/membership.ts';
import {
  assertCallerMayAnswer,
  assertCallerMayChange,
  assertCallerMayCreate,
  assertCallerMayList,
  assertCallerMayManageMembers,
  assertCallerMaySet,
  assertImageIsNotProtected,
  assertImageIsShared,
  assertImageIsVisible,
  assertMemberIsVisible,
  canAttemptAnswer,
  canListAllMembers,
  type Sharing,
} from '../../../lambda/domain/sharing-rules.ts';
import { permissions } from '../permission-table.ts';
import { aCaller } from './a-caller.ts';
import { anImage } from './an-image.ts';

/*
 * The permissions by role and visibility. The project alpha owns the image; beta and gamma are members with any status;
 * delta is not a member. Refusals have a code of errors.ts:
 *
 *   no image    image-not-found, also if the image is hidden from the caller
 *   no member   member-not-found
 *   not shared  image-not-shared
 *   forbidden   not-permitted
 */
const specification = `
see the image              | private    | shared     | community  | public
alpha:member               | yes        | yes        | yes        | yes
alpha:reader               | yes        | yes        | yes        | yes
beta:reader                | no image   | yes        | yes        | yes
delta:manager              | no image   | no image   | yes        | yes
delta:admin                | yes        | yes        | yes        | yes
alpha:other_role           | no image   | no image   | no image   | no image
beta:other_role            | no image   | no image   | no image   | no image

answer for beta            | private    | shared     | community  | public
beta:member                | no image   | yes        | not shared | not shared
beta:manager               | no image   | yes        | not shared | not shared
beta:reader                | no image   | forbidden  | not shared | not shared
beta:admin                 | not shared | yes        | not shared | not shared
delta:admin                | not shared | yes        | not shared | not shared
alpha:admin                | not shared | yes        | not shared | not shared
alpha:member               | not shared | forbidden  | not shared | not shared
alpha:reader               | not shared | forbidden  | not shared | not shared
gamma:member               | no image   | no member  | not shared | not shared
delta:member               | no image   | no image   | not shared | not shared

answer for alpha           | private    | shared     | community  | public
alpha:member               | not shared | forbidden  | not shared | not shared
alpha:admin                | not shared | yes        | not shared | not shared

answer for delta           | private    | shared     | community  | public
delta:member               | no image   | no image   | not shared | not shared
beta:member                | no image   | no member  | not shared | not shared
alpha:member               | not shared | no member  | not shared | not shared
delta:admin                | not shared | no member  | not shared | not shared

see beta among the members | private    | shared     | community  | public
alpha:reader               | not shared | yes        | not shared | not shared
delta:admin                | not shared | yes        | not shared | not shared
beta:reader                | no image   | yes        | not shared | not shared
gamma:member               | no image   | no member  | not shared | not shared
delta:member               | no image   | no image   | not shared | not shared

offer or withdraw          | private    | shared     | community  | public
alpha:member               | not shared | yes        | not shared | not shared
alpha:admin                | not shared | yes        | not shared | not shared
delta:admin                | not shared | yes        | not shared | not shared
alpha:reader               | not shared | forbidden  | not shared | not shared
beta:member                | no image   | forbidden  | not shared | not shared
beta:admin                 | not shared | yes        | not shared | not shared
delta:member               | no image   | no image   | not shared | not shared

change or delete the image | private    | shared     | community  | public
alpha:member               | yes        | yes        | yes        | yes
delta:admin                | yes        | yes        | yes        | yes
alpha:reader               | forbidden  | forbidden  | forbidden  | forbidden
beta:manager               | no image   | forbidden  | forbidden  | forbidden
delta:member               | no image   | no image   | forbidden  | forbidden

create such an image       | private    | shared     | community  | public
alpha:member               | yes        | yes        | yes        | forbidden
alpha:manager              | yes        | yes        | yes        | forbidden
alpha:admin                | yes        | yes        | yes        | yes
delta:admin                | yes        | yes        | yes        | yes
alpha:reader               | forbidden  | forbidden  | forbidden  | forbidden
delta:member               | forbidden  | forbidden  | forbidden  | forbidden

make it such an image      | private    | shared     | community  | public
alpha:member               | yes        | yes        | yes        | forbidden
delta:admin                | yes        | yes        | yes        | yes

give it to delta           | private    | shared     | community  | public
alpha:manager              | forbidden  | forbidden  | forbidden  | forbidden
beta:admin                 | yes        | yes        | yes        | yes
`;

const id = (project: string) => project as ProjectId;

function sharingOf(image: Image): Sharing {
  const members = ['alpha', 'beta', 'gamma'].map((memberId, n): Membership => ({
    id: `membership-${n}`,
    imageId: image.id,
    memberId: id(memberId),
    status: memberStatuses[n]!,
    createdAt: image.createdAt,
    updatedAt: undefined,
    offeredBy: undefined,
    answeredAt: undefined,
    expiresAt: undefined,
  }));
  return { imageId: image.id, image, memberships: new Map(members.map((member) => [member.memberId, member])) };
}

/** The operations as sequences of the rules that they check. */
const answerFor = (memberId: string) => (caller: Caller, sharing: Sharing) => {
  const image = assertImageIsVisible(caller, sharing);
  assertImageIsShared(image);
  assertCallerMayAnswer(caller, image, assertMemberIsVisible(caller, sharing, id(memberId)));
};
const withoutAlpha = (sharing: Sharing): Sharing => ({
  ...sharing,
  memberships: new Map([...sharing.memberships].filter(([memberId]) => memberId !== 'alpha')),
});
const operations: Readonly<Record<string, (caller: Caller, sharing: Sharing) => void>> = {
  'see the image': (caller, sharing) => assertImageIsVisible(caller, withoutAlpha(sharing)),
  'answer for beta': (caller, sharing) => {
    answerFor('beta')(caller, withoutAlpha(sharing));
  },
  'answer for alpha': answerFor('alpha'),
  'answer for delta': answerFor('delta'),
  'see beta among the members': (caller, sharing) => {
    const image = assertImageIsVisible(caller, sharing);
    assertImageIsShared(image);
    assertMemberIsVisible(caller, sharing, id('beta'));
  },
  'offer or withdraw': (caller, sharing) => {
    const image = assertImageIsVisible(caller, sharing);
    assertImageIsShared(image);
    assertCallerMayManageMembers(caller, image);
  },
  'change or delete the image': (caller, sharing) => {
    assertCallerMayChange(caller, assertImageIsVisible(caller, sharing));
  },
  'create such an image': (caller, { image }) => {
    assertCallerMayCreate(caller, image!);
  },
  'make it such an image': (caller, { image }) => {
    assertCallerMaySet(caller, { visibility: image!.visibility });
  },
  'give it to delta': (caller) => {
    assertCallerMaySet(caller, { owner: id('delta') });
  },
};

const codes: Readonly<Record<string, string>> = {
  'no image': 'image-not-found',
  'no member': 'member-not-found',
  'not shared': 'image-not-shared',
  forbidden: 'not-permitted',
};

const outcomeOf = (act: () => void): string => {
  try {
    act();
    return 'yes';
  } catch (error) {
    if (!(error instanceof SharingError)) throw error;
    return error.code;
  }
};

test.each(permissions(specification))(
  '$operation, $visibility: $as: $answer',
  ({ operation, as, visibility, answer }) => {
    const sharing = sharingOf(anImage({ visibility }));

    const outcome = outcomeOf(() => {
      operations[operation]!(aCaller(as), sharing);
    });

    expect(outcome).toBe(codes[answer] ?? answer);
  },
);

test('a missing image is not found, even by an admin', () => {
  const sharing = { ...sharingOf(anImage()), image: undefined };

  const outcome = outcomeOf(() => assertImageIsVisible(aCaller('delta:admin'), sharing));

  expect(outcome).toBe('image-not-found');
});

test('missing and hidden images give the same refusal', () => {
  const hidden = sharingOf(anImage({ visibility: 'private' }));
  const refusal = (sharing: Sharing) => {
    try {
      return assertImageIsVisible(aCaller('delta:member'), sharing);
    } catch (error) {
      return error;
    }
  };

  expect(refusal({ ...hidden, image: undefined, memberships: new Map() })).toEqual(refusal(hidden));
});

test.each([
  ['delta:admin', true, true],
  ['alpha:reader', true, false],
  ['beta:member', false, false],
])('%s can list all members of an image: %s, and of a missing image: %s', (as, ofImage, ofMissingImage) => {
  expect([canListAllMembers(aCaller(as), anImage()), canListAllMembers(aCaller(as), undefined)]).toEqual([
    ofImage,
    ofMissingImage,
  ]);
});

test.each([
  ['beta:member', true],
  ['beta:reader', false],
  ['gamma:member', false],
  ['gamma:admin', true],
])('%s can attempt to answer for beta: %s', (as, expected) => {
  expect(canAttemptAnswer(aCaller(as), id('beta'))).toBe(expected);
});

test.each([
  ['alpha:reader', 'yes'],
  ['alpha:other_role', 'not-permitted'],
])('%s may list images: %s', (as, expected) => {
  expect(
    outcomeOf(() => {
      assertCallerMayList(aCaller(as));
    }),
  ).toBe(expected);
});

test.each([
  [false, 'yes'],
  [true, 'image-protected'],
])('an image with protected = %s can be deleted: %s', (isProtected, expected) => {
  expect(
    outcomeOf(() => {
      assertImageIsNotProtected(anImage({ protected: isProtected }));
    }),
  ).toBe(expected);
});

test.each([
  ['hides', { hidden: true }, 'yes'],
  ['makes public again', { visibility: 'public' }, 'not-permitted'],
  ['gives to itself', { owner: id('alpha') }, 'not-permitted'],
] as const)('an owner %s its public image: %j', (_does, set, expected) => {
  const outcome = outcomeOf(() => {
    assertCallerMaySet(aCaller('alpha:member'), set);
  });

  expect(outcome).toBe(expected);
});
