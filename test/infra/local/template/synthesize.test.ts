import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { resourcesOfType } from '../../../../infra/local/template/synthesized-stack.ts';
import { synthesize } from '../../../../infra/local/template/synthesize.ts';
import { testStack } from '../../../support/engine.ts';

test('the same sources are synthesized once', async () => {
  const reports: string[] = [];

  const folders = [
    await synthesize((sentence) => reports.push(sentence)),
    await synthesize((sentence) => reports.push(sentence)),
  ];

  expect(folders[0]).toBe(folders[1]);
  expect(reports).toEqual([]);
});

test('every function of the stack has its code among the assets', () => {
  const stack = testStack();

  const folders = resourcesOfType(stack, 'AWS::Lambda::Function').map(
    ([, { Properties }]) => stack.assets[(Properties?.['Code'] as { S3Key: string }).S3Key],
  );

  expect(folders.length).toBeGreaterThan(0);
  expect(folders.every((folder) => folder !== undefined && existsSync(folder))).toBe(true);
});
