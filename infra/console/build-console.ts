import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { minifySync } from '@swc/core';
import { buildSync } from 'esbuild';
import { projectFolder } from '../project-folder.ts';

/**
 * Builds the page of the console.
 *
 * @returns text of each file by name. Every name except `index.html` contains a hash of the content, so that a name never
 *   has another content.
 * @throws Error if the sources have an error, or `index.html` does not refer to a built file
 */
export function buildConsole(): Readonly<Record<string, string>> {
  const { outputFiles } = buildSync({
    absWorkingDir: projectFolder,
    // The script imports its style sheet. `console/tsconfig.json` has the settings of JSX.
    entryPoints: ['console/main.tsx', 'console/icon.svg'],
    loader: { '.svg': 'copy' },
    outdir: 'console',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    // The licenses of packages require their notices in copies.
    legalComments: 'eof',
    write: false,
    logLevel: 'error',
  });
  const files = outputFiles.map(({ path, text }) => {
    const name = basename(path);
    const content = name.endsWith('.js') ? minifyFurther(text) : text;
    return { name, hashedName: addHash(name, content), content };
  });
  const page = readFileSync(join(projectFolder, 'console', 'index.html'), 'utf8');
  return {
    'index.html': compact(files.reduce((html, { name, hashedName }) => refer(html, name, hashedName), page)),
    ...Object.fromEntries(files.map(({ hashedName, content }) => [hashedName, content])),
  };
}

/** Minifies a script that esbuild has minified. Compressed, it is 3 % smaller. */
const minifyFurther = (script: string): string =>
  minifySync(script, { module: true, compress: { passes: 3 }, mangle: true, format: { comments: 'some' } }).code;

/** Returns a name with a hash of the content, such as `main-1a2b3c4d.js`. */
function addHash(name: string, content: string): string {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8);
  return name.replace(/(?=\.\w+$)/, `-${hash}`);
}

/** Replaces the reference to a file, such as `"main.js"`, by its name with the hash. */
function refer(html: string, name: string, hashedName: string): string {
  const reference = `"${name}"`;
  if (!html.includes(reference)) throw new Error(`console/index.html must refer to ${reference}.`);
  return html.replaceAll(reference, `"${hashedName}"`);
}

/** Removes comments and indentation. */
const compact = (html: string): string => html.replaceAll(/<!--.*?-->/gs, '').replaceAll(/^\s+/gm, '');
