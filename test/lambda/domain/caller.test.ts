import { expect, test } from '@jest/globals';
import { callerWithoutProject, hasRole, roles } from '../../../lambda/domain/caller.ts';
import { parseProjectId } from '../../../lambda/domain/ids.ts';
import { aCaller } from './a-caller.ts';

test.each([
  ['admin', ['admin', 'manager', 'member', 'reader']],
  ['manager', ['manager', 'member', 'reader']],
  ['member', ['member', 'reader']],
  ['reader', ['reader']],
  ['reader,member', ['member', 'reader']],
  ['heat_stack_owner,reader', ['reader']],
  ['heat_stack_owner', []],
  ['Admin', []],
  ['', []],
])('a caller with the roles %j has the roles %j', (held, implied) => {
  const caller = aCaller(`alpha:${held}`);

  expect(roles.filter((role) => hasRole(caller, role))).toEqual(implied);
});

test('a caller without a project has no role, and no project has its project id', () => {
  const caller = callerWithoutProject('alice');

  expect([caller.userId, caller.role]).toEqual(['alice', undefined]);
  expect(parseProjectId(caller.projectId)).toBeUndefined();
});
