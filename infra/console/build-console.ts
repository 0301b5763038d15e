import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
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
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    // The licenses of packages require their notices in copies.
    legalComments: 'eof',
    write: false,
    logLevel: 'error',
  });
  const files = outputFiles.map(({ path, text }) => [basename(path), text] as const);
  const page = readFileSync(join(projectFolder, 'console', 'index.html'), 'utf8');
  return {
    'index.html': compact(files.reduce((html, [name]) => refer(html, name), page)),
    ...Object.fromEntries(files),
  };
}

/** Replaces the reference to a file, such as `"main.js"`, by its name with the hash. */
function refer(html: string, hashedName: string): string {
  const reference = `"${hashedName.replace(/-[A-Z0-9]+\./, '.')}"`;
  if (!html.includes(reference)) throw new Error(`console/index.html must refer to ${reference}.`);
  return html.replaceAll(reference, `"${hashedName}"`);
}

/** Removes comments and indentation. */
const compact = (html: string): string => html.replaceAll(/<!--.*?-->/gs, '').replaceAll(/^\s+/gm, '');
