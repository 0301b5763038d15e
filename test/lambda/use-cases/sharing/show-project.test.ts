import { expect, test } from '@jest/globals';
import type { ImageListRepository, ListSource } from '../../../../lambda/domain/image-list.ts';
import type { MemberStatus } from '../../../../lambda/domain/membership.ts';
import { createShowProject, maxCountedOffers } from '../../../../lambda/use-cases/sharing/show-project.ts';
import { aCaller } from '../../domain/a-caller.ts';

/** Returns the project of a caller whose lists have these numbers of offers, and the sources that were counted. */
async function show(as: string, numbers: Readonly<Record<MemberStatus, number>>) {
  const counted: ListSource[] = [];
  const lists: Pick<ImageListRepository, 'count'> = {
    count: (source, max) => {
      counted.push(source);
      const number = source.kind === 'offered' && source.status !== 'all' ? numbers[source.status] : 0;
      return Promise.resolve({ count: Math.min(number, max), isExact: number <= max });
    },
  };
  return { project: await createShowProject(lists as ImageListRepository)({ caller: aCaller(as) }), counted };
}

test('a project has the numbers of its offers, and the statuses with more than are counted', async () => {
  const { project } = await show('beta:reader,member', {
    pending: 3,
    accepted: maxCountedOffers,
    rejected: maxCountedOffers + 1,
  });

  expect(project).toEqual({
    projectId: 'beta',
    userId: 'user-of-beta',
    role: 'member',
    offers: { pending: 3, accepted: maxCountedOffers, rejected: maxCountedOffers },
    atLeast: ['rejected'],
  });
});

test('the counted offers are those of other projects that are not hidden', async () => {
  const { counted } = await show('beta:reader', { pending: 0, accepted: 0, rejected: 0 });

  expect(counted).toEqual(
    ['pending', 'accepted', 'rejected'].map((status) => ({
      kind: 'offered',
      project: 'beta',
      status,
      hidden: false,
      owner: undefined,
      visibilities: undefined,
      excludedOwner: 'beta',
    })),
  );
});

test.each(['beta:other', ':admin'])('the caller %s is refused', async (as) => {
  const refused = show(as, { pending: 0, accepted: 0, rejected: 0 });

  await expect(refused).rejects.toMatchObject({ code: 'not-permitted' });
});
