import { join } from 'node:path';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { buildSync } from 'esbuild';
import { roundsOf, type EngineCall } from '../support/engine-proxy.ts';
import type { BareCall, handler } from './bare-function.ts';
import type { ApiCall } from './requests.ts';

/** Bundles the bare function into a folder, minified and otherwise by esbuild's defaults, and returns the file. */
export function bundleBareFunction(folder: string): string {
  const file = join(folder, 'bare.cjs');
  buildSync({
    entryPoints: [join(import.meta.dirname, 'bare-function.ts')],
    outfile: file,
    bundle: true,
    minify: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    logLevel: 'error',
  });
  return file;
}

/** The handler of the bundled bare function. */
export type BareHandler = typeof handler;

/** The calls of one request: round after round, those of one round in parallel. */
type BareRequest = readonly (readonly BareCall[])[];

/**
 * Returns the calls that other requests of an operation make, from the recorded calls of one of them: the same but for
 * the ids of image and member.
 */
export function bareRequests(
  calls: readonly EngineCall[],
  recorded: ApiCall,
  others: readonly ApiCall[],
): readonly BareRequest[] {
  const rounds = JSON.stringify(
    roundsOf(calls).map((round) => round.map(({ action, request }) => ({ action, input: request }))),
  );
  return others.map(({ subjects }) => {
    const own = recorded.subjects.reduce((text, subject, n) => text.replaceAll(subject, subjects[n]!), rounds);
    return (JSON.parse(own) as BareCall[][]).map((round) =>
      round.map(({ action, input }) => ({ action, input: documentInput(input) })),
    );
  });
}

/** Returns the input of the document client for a request as it went over the wire. */
function documentInput(wire: unknown): any {
  if (Array.isArray(wire)) return wire.map(documentInput);
  if (typeof wire !== 'object' || wire === null) return wire;
  const { ClientRequestToken: _, ...fields } = wire as Record<string, any>; // each request has its own
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (['Key', 'Item', 'ExpressionAttributeValues', 'ExclusiveStartKey'].includes(name))
        return [name, unmarshall(value)];
      if (name === 'Keys') return [name, (value as Record<string, any>[]).map((key) => unmarshall(key))];
      return [name, documentInput(value)];
    }),
  );
}
