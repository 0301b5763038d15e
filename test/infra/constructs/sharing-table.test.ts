import { expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App, Stack } from 'aws-cdk-lib/core';
import { SharingTable } from '../../../infra/constructs/sharing-table.ts';

function tableOf(restoredTable?: string) {
  const stack = new Stack(new App(), 'Test');
  new SharingTable(stack, 'Table', { restoredTable });
  const [[logicalId, table] = []] = Object.entries(Template.fromStack(stack).findResources('AWS::DynamoDB::Table'));
  return { logicalId, ...(table as { readonly Properties: object }) };
}

test('a restored table has its name, a logical id of its own and no other difference', () => {
  const own = tableOf();
  const restored = tableOf('image-sharing-1');
  const other = tableOf('image-sharing-2');

  expect(new Set([own.logicalId, restored.logicalId, other.logicalId]).size).toBe(3);
  expect(restored).toEqual({
    ...own,
    logicalId: restored.logicalId,
    Properties: { ...own.Properties, TableName: 'image-sharing-1' },
  });
});

test('names that differ only in punctuation have different logical ids', () => {
  expect(tableOf('image.sharing').logicalId).not.toBe(tableOf('image-sharing').logicalId);
});
