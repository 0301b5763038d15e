import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { projectFolder } from '../../../infra/project-folder.ts';
import { loadSettings } from '../../../infra/settings/local-settings.ts';
import { localServerUsage, localVariables } from '../../../infra/settings/local-variables.ts';

const names = localVariables.map(({ name }) => name);

/** Returns the names of all variables that the local server reads, with each identity. */
function readVariables(): readonly string[] {
  const read = new Set<string>();
  for (const identity of ['dev', 'keystone', 'jwt']) {
    const env = new Proxy<Record<string, string | undefined>>(
      {},
      {
        get: (_, name) => {
          read.add(String(name));
          return name === 'IDENTITY' ? identity : undefined;
        },
      },
    );
    // The variables that an identity requires are missing.
    expect(() => {
      loadSettings(env);
      if (identity === 'dev') throw new Error('complete');
    }).toThrow(identity === 'dev' ? 'complete' : 'is not set');
  }
  return [...read];
}

test('the usage describes every variable that the local server reads, and no other one', () => {
  expect(names.toSorted()).toEqual(readVariables().toSorted());
  for (const name of names) expect(localServerUsage).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
});

test('the documents describe every variable', () => {
  const documents = ['docs/configuration.md', 'docs/authentication.md'].map((file) =>
    readFileSync(join(projectFolder, file), 'utf8'),
  );

  expect(names.filter((name) => !documents.some((document) => document.includes(`\`${name}\``)))).toEqual([]);
});
