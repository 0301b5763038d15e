import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../../project-folder.ts';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

const cacheFolder = join(projectFolder, 'cdk.out', 'local');
const inputs = ['{console,infra,lambda}/**/*.*', 'cdk.json', 'package.json', 'package-lock.json'];
/** Maximum number of assemblies to keep, so that switching between a few branches or settings needs no synthesis. */
const maxCachedAssemblies = 5;

/** Settings of the local server that change the template, and not only the variables of functions. */
export interface TemplateSettings {
  /** Origins of the pages that may call the API from a browser. */
  readonly corsOrigins: readonly string[];
  readonly hasConsole: boolean;
}

/**
 * Synthesizes the stack for the local server and returns the folder of the cloud assembly. The functions contain the
 * code of a deployment and the `dev` token verifier. An assembly of the same sources and settings is used again.
 *
 * @param report - receives a sentence before a synthesis, which takes some seconds
 */
export async function synthesize(
  report: (sentence: string) => void,
  { corsOrigins, hasConsole }: TemplateSettings = { corsOrigins: [], hasConsole: true },
): Promise<string> {
  // The names in one order, because the text is a part of the hash.
  const settings = JSON.stringify({ corsOrigins, hasConsole } satisfies TemplateSettings);
  const folder = join(cacheFolder, contentHash(settings));
  if (existsSync(folder)) {
    const now = new Date();
    utimesSync(folder, now, now);
    return folder;
  }
  report('Synthesizing the stack; this takes some seconds after a change of the sources …');
  const unfinished = `${folder}.${process.pid}`;
  await execFileAsync(process.execPath, [join(import.meta.dirname, 'synthesize-stack.ts'), unfinished, settings]);
  publish(unfinished, folder);
  prune();
  return folder;
}

/** Returns a hash of all inputs of the assembly: settings, sources and packages. */
function contentHash(settings: string): string {
  const hash = createHash('sha256').update(settings);
  for (const file of globSync(inputs, { cwd: projectFolder }).toSorted()) {
    const content = readFileSync(join(projectFolder, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Renames a complete assembly to its final name. Keeps the existing one if another process was faster. */
function publish(unfinished: string, folder: string): void {
  mkdirSync(cacheFolder, { recursive: true });
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(unfinished, { recursive: true });
  }
}

/** Removes all assemblies but the most recently used. */
function prune(): void {
  const newestFirst = readdirSync(cacheFolder)
    .map((name) => join(cacheFolder, name))
    .map((path) => ({ path, lastUsed: statSync(path).mtimeMs }))
    .toSorted((left, right) => right.lastUsed - left.lastUsed);
  for (const { path } of newestFirst.slice(maxCachedAssemblies)) rmSync(path, { recursive: true, force: true });
}
