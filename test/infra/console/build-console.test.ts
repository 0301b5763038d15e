import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { buildConsole } from '../../../infra/console/build-console.ts';
import { projectFolder } from '../../../infra/project-folder.ts';

const files = buildConsole();
const names = Object.keys(files);
const textOf = (extension: string): string => files[names.find((name) => name.endsWith(extension))!]!;

test('the names of all files except index.html have a hash', () => {
  const patterns = names.map((name) => name.replace(/-[0-9a-f]{8}\./, '-<hash>.'));

  expect(patterns.toSorted()).toEqual(['icon-<hash>.svg', 'index.html', 'main-<hash>.css', 'main-<hash>.js']);
});

test('the same sources result in the same files', () => {
  expect(buildConsole()).toEqual(files);
});

test('index.html refers to each other file by its name, and to nothing else', () => {
  const references = [...files['index.html']!.matchAll(/(?:src|href)="(.*?)"/g)].map(([, name]) => name!);

  expect(references.toSorted()).toEqual(names.filter((name) => name !== 'index.html').toSorted());
});

test('the page has no inline script, and no inline style, which its security policy would block', () => {
  const html = files['index.html']!;

  expect(html).toMatch(/^<!doctype html>\n<html lang="en">\n<head>/);
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<!--|javascript:|data:/i);
  expect(html.match(/<script\b[^>]*>/g)).toEqual([expect.stringContaining(' src="')]);
  expect(textOf('.js')).not.toMatch(/\beval\(|new Function\(|document\.write/);
  // Style sheets of the same origin are the only ones that the policy allows.
  expect(textOf('.css')).not.toMatch(/@import|url\(/);
});

test('no source of the page writes HTML or style attributes', () => {
  const sources = globSync('console/**/*.{ts,tsx}', { cwd: projectFolder });
  const writing = /innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|\bstyle=|\beval\(|new Function\(/i;

  expect(sources.length).toBeGreaterThan(0);
  expect(sources.filter((file) => writing.test(readFileSync(join(projectFolder, file), 'utf8')))).toEqual([]);
});

test('the compressed page has at most 25 KB', () => {
  const sizes = names.map((name) => [name, gzipSync(files[name]!, { level: 9 }).length] as const);
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  const isSmall = total <= 25_000;

  expect(isSmall ? 'small enough' : { total, ...Object.fromEntries(sizes) }).toBe('small enough');
});
