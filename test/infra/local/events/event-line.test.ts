import { expect, test } from '@jest/globals';
import { eventLine } from '../../../../infra/local/events/event-line.ts';

const by = { project: 'beta', user: 'bob', via: 'command' };

test.each([
  [
    'image.member.update',
    {
      sequence: 7,
      image: { id: 'i', name: 'golden', owner: 'alpha' },
      member: { id: 'beta', membership_id: 'm' },
      before: { status: 'pending' },
      after: { status: 'accepted' },
      by,
      time: 'T',
    },
    'T image.member.update "golden" i for beta: pending → accepted, by bob of beta (command), #7',
  ],
  [
    'image.update',
    {
      sequence: 3,
      image: { id: 'i', name: null, owner: 'alpha' },
      before: null,
      after: { visibility: 'shared', os_hidden: true },
      by,
      time: 'T',
    },
    'T image.update        unnamed i: none → shared, hidden, by bob of beta (command), #3',
  ],
  [
    'image.member.delete',
    {
      sequence: 8,
      image: { id: 'i', name: null, owner: 'alpha' },
      member: { id: 'beta', membership_id: 'm' },
      before: { status: 'accepted' },
      after: null,
      by,
      time: 'T',
    },
    'T image.member.delete i for beta: accepted → none, by bob of beta (command), #8',
  ],
  [
    'image.member.create',
    {
      sequence: 1,
      image: { id: 'i', name: 'golden', owner: 'alpha' },
      member: { id: 'beta', membership_id: 'm' },
      before: null,
      after: { status: 'accepted', expires_at: '2027-03-31T12:00:00Z' },
      standing_answer: true,
      by,
      time: 'T',
    },
    'T image.member.create "golden" i for beta: none → accepted until 2027-03-31T12:00:00Z by a standing answer, ' +
      'by bob of beta (command), #1',
  ],
  [
    'image.member.update',
    {
      sequence: 2,
      image: { id: 'i', name: 'golden', owner: 'alpha' },
      member: { id: 'beta', membership_id: 'm' },
      before: { status: 'accepted', expires_at: '2027-03-31T12:00:00Z' },
      after: { status: 'accepted' },
      by,
      time: 'T',
    },
    'T image.member.update "golden" i for beta: accepted until 2027-03-31T12:00:00Z → accepted, ' +
      'by bob of beta (command), #2',
  ],
  ['image.command.outcome', { outcome: 'done' }, 'image.command.outcome  {"outcome":"done"}'],
])('%s in one line', (type, detail, line) => {
  expect(eventLine({ type, detail: JSON.stringify(detail) })).toBe(line);
});
