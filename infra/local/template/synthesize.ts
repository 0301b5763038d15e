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

const checkout = join(import.meta.dirname, '..', '..', '..');
const cache = join(checkout, 'cdk.out', 'local');
const inputs = ['{infra,lambda}/**/*.*', 'package.json', 'package-lock.json'];
/** As many as are kept: one for each of the versions that someone goes back and forth between. */
const maxCachedAssemblies = 5;

/**
 * Synthesises the stack in its local form, with the code that would be deployed but for the test identity, and returns
 * the folder of the cloud assembly. What was synthesised from the same sources before is not synthesised again.
 *
 * @param report - told, in a sentence, when this is going to take a while
 * @param corsOrigins - whose pages may call the API from a browser
 */
export async function synthesize(
  report: (sentence: string) => void,
  corsOrigins: readonly string[] = [],
): Promise<string> {
  const folder = join(cache, contentHash(corsOrigins));
  if (existsSync(folder)) {
    const now = new Date();
    utimesSync(folder, now, now);
    return folder;
  }
  report('Synthesising the stack, which takes some seconds after a change of its sources …');
  const unfinished = `${folder}.${process.pid}`;
  const { App, RemovalPolicy } = await import('aws-cdk-lib/core');
  const { ImageSharingStack } = await import('../../image-sharing-stack.ts');
  const app = new App({ outdir: unfinished, analyticsReporting: false, treeMetadata: false });
  const removalPolicy = RemovalPolicy.DESTROY;
  new ImageSharingStack(app, 'ImageSharing', { removalPolicy, identity: 'dev', local: true, corsOrigins });
  app.synth();
  publish(unfinished, folder);
  prune();
  return folder;
}

/** Covers everything the assembly is made from. */
function contentHash(corsOrigins: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(corsOrigins));
  for (const file of globSync(inputs, { cwd: checkout }).toSorted()) {
    const content = readFileSync(join(checkout, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Shows a complete assembly under its name, or nothing: others may synthesise the same at the same time. */
function publish(unfinished: string, folder: string): void {
  mkdirSync(cache, { recursive: true });
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(unfinished, { recursive: true });
  }
}

function prune(): void {
  const byAge = readdirSync(cache)
    .map((name) => ({ path: join(cache, name), lastUsed: statSync(join(cache, name)).mtimeMs }))
    .toSorted((one, other) => other.lastUsed - one.lastUsed);
  for (const { path } of byAge.slice(maxCachedAssemblies)) rmSync(path, { recursive: true, force: true });
}
