import { expect, test } from '@jest/globals';
import { parseCommandLine, usage } from '../../../../infra/operate/sharing/command-line.ts';
import { ArgumentError } from '../../../../infra/usage-error.ts';

const now = new Date('2026-11-30T10:15:20Z');
const parse = (line: string) => parseCommandLine(line.split(' ').filter(Boolean), now);

test.each([
  ['offers', { name: 'list-offers', status: 'pending', owner: undefined, namePrefix: undefined, limit: undefined }],
  [
    'offers --status all --owner alpha --name-prefix fed --limit 7',
    { name: 'list-offers', status: 'all', owner: 'alpha', namePrefix: 'fed', limit: 7 },
  ],
  ['accept one two one', { name: 'answer', status: 'accepted', images: ['one', 'two'] }],
  ['reject one', { name: 'answer', status: 'rejected', images: ['one'] }],
  ['leave one two', { name: 'leave', images: ['one', 'two'] }],
  ['offer one beta gamma beta', { name: 'offer', image: 'one', projects: ['beta', 'gamma'], until: undefined }],
  ['offer --until 2d one beta', { name: 'offer', image: 'one', projects: ['beta'], until: '2026-12-02T10:15:20Z' }],
  ['withdraw one beta', { name: 'withdraw', image: 'one', projects: ['beta'] }],
  ['members one', { name: 'list-members', image: 'one' }],
  ['trust', { name: 'list-standing-answers' }],
  ['trust alpha', { name: 'set-standing-answer', owner: 'alpha', status: 'accepted' }],
  ['trust alpha --reject', { name: 'set-standing-answer', owner: 'alpha', status: 'rejected' }],
  ['trust --remove alpha', { name: 'delete-standing-answer', owner: 'alpha' }],
  ['history one', { name: 'show-history', image: 'one', member: undefined, limit: undefined }],
  ['history one --member beta --limit 4000', { name: 'show-history', image: 'one', member: 'beta', limit: 4000 }],
  [
    'history one --at 2026-11-30T10:15:00Z',
    { name: 'show-access', image: 'one', member: undefined, at: '2026-11-30T10:15:00Z', limit: undefined },
  ],
])('"%s" is the command %j', (line, command) => {
  expect(parse(line)).toEqual({ command, connection: { url: undefined, token: undefined }, isJson: false });
});

test('the common options belong to every command', () => {
  expect(parse('leave --url http://127.0.0.1:9292 one --token dev:bob:beta:member --json')).toEqual({
    command: { name: 'leave', images: ['one'] },
    connection: { url: 'http://127.0.0.1:9292', token: 'dev:bob:beta:member' },
    isJson: true,
  });
});

const commands = 'The command must be one of offers, accept, reject, leave, trust, offer, withdraw, members, history';

test.each([
  ['', `${commands}.`],
  ['accpet one', `${commands}; got "accpet". Did you mean "accept"?`],
  ['constructor', `${commands}; got "constructor".`],
  ['accept', '"accept" must be followed by one or more images.'],
  ['leave', '"leave" must be followed by one or more images.'],
  ['offer one', '"offer" must be followed by an image and one or more projects.'],
  ['withdraw', '"withdraw" must be followed by an image and one or more projects.'],
  ['members', '"members" must be followed by an image.'],
  ['members one beta', '"members" has a superfluous argument: "beta".'],
  ['history', '"history" must be followed by an image.'],
  ['history one two', '"history" has a superfluous argument: "two".'],
  ['offers one', '"offers" has a superfluous argument: "one".'],
  ['trust one two', '"trust" has a superfluous argument: "two".'],
  ['trust --remove', '"--remove" requires an owner: "trust <owner>".'],
  ['trust --reject', '"--reject" requires an owner: "trust <owner>".'],
  ['trust alpha --reject --remove', '"--reject" and "--remove" exclude each other.'],
  ['offers --status open', '"--status" must be one of pending, accepted, rejected, all; got "open".'],
  ['offers --limit 0', '"--limit" must be a whole number from 1 to 4000; got "0".'],
  ['offers --limit 4001', '"--limit" must be a whole number from 1 to 4000; got "4001".'],
  ['history one --limit 1e2', '"--limit" must be a whole number from 1 to 4000; got "1e2".'],
  ['history one --at 2026-11-30', '"--at" must be a time such as 2026-11-30T10:15:00Z; got "2026-11-30".'],
  ['offer one beta --until never', '"--until" must be a time such as'],
  ['offer one a/b', '"<project>" must be a project id of 1 to 255 characters without "/", "?" and control characters'],
  ['trust ..', '"<owner>" must be a project id'],
  ['offers --owner a?b', '"--owner" must be a project id'],
  ['history one --member a/b', '"--member" must be a project id'],
  [
    'accept one --until 2d',
    '"--until" is not an option of this command; valid options are --url, --token, --json, --help.',
  ],
  ['members one --limit 1', '"--limit" is not an option of this command;'],
  ['offers --reject', '"--reject" is not an option of this command;'],
  [
    'history one --status all',
    '"--status" is not an option of this command; valid options are --member, --at, --limit,',
  ],
])('"%s" is refused', (line, sentence) => {
  expect(() => parse(line)).toThrow(ArgumentError);
  expect(() => parse(line)).toThrow(sentence);
});

test('an empty text is no image', () => {
  expect(() => parseCommandLine(['accept', ''], now)).toThrow('The images and projects must not be empty texts.');
});

test('the usage has lines of at most 120 characters', () => {
  expect(usage.split('\n').filter((line) => line.length > 120)).toEqual([]);
});
