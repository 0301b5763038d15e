import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import {
  findStatefulChanges,
  statefulResources,
  type Template,
} from '../../infra/operate/stateful/stateful-changes.ts';
import { productionTemplate } from './production-template.ts';

// A deliberate change: `npm run accept-stateful-resources`, and describe the migration of deployed stacks.

const reference = JSON.parse(readFileSync(join(import.meta.dirname, 'stateful-resources.json'), 'utf8')) as Template;
let template: Template;

beforeAll(() => {
  template = productionTemplate();
});

test('the template keeps every stateful resource of the reference with its keys and indexes', () => {
  expect(findStatefulChanges(reference, template)).toEqual([]);
});

test('the reference contains every stateful resource of the template', () => {
  expect(Object.keys(reference.Resources).sort()).toEqual(Object.keys(statefulResources(template).Resources).sort());
});

test('a table without a restored table in the settings is refused after a restore', () => {
  const { Table710B521B: table, ...resources } = template.Resources;
  const restored = { Resources: { ...resources, TableRestored1: table! } };

  expect(findStatefulChanges(restored, template)).toEqual([
    { logicalId: 'TableRestored1', sentence: expect.stringContaining('would leave the stack and be orphaned') },
  ]);
});
