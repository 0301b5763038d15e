import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../usage-error.ts';

/** A resource of a CloudFormation template. Its properties are as in the template: nothing is resolved. */
export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** A stack as it was synthesised: what would be deployed. */
export interface SynthesizedStack {
  readonly name: string;
  /** The template's resources by logical id. */
  readonly resources: Readonly<Record<string, TemplateResource>>;
  /** The file or folder of an asset, absolute, by the key under which it would be uploaded. */
  readonly assets: Readonly<Record<string, string>>;
}

interface Artifact {
  readonly type: string;
  readonly properties?: { readonly templateFile?: string; readonly stackName?: string; readonly file?: string };
}

interface AssetManifest {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly source: { readonly path?: string };
        readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
      }
    >
  >;
}

/**
 * Reads the one stack of a cloud assembly.
 *
 * @param folder - the assembly, where `cdk synth` wrote its `manifest.json`
 * @throws Refusal if there is no assembly, or not exactly one stack in it
 */
export function readSynthesizedStack(folder: string): SynthesizedStack {
  const artifacts = Object.entries(
    readJson<{ artifacts: Readonly<Record<string, Artifact>> }>(folder, 'manifest.json').artifacts,
  );
  const stacks = artifacts.filter(([, { type }]) => type === 'aws:cloudformation:stack');
  const [id, stack] = stacks[0] ?? [];
  if (stacks.length !== 1 || id === undefined || stack?.properties?.templateFile === undefined) {
    throw new UsageError(`There are ${stacks.length} stacks in ${folder}, but one is expected; remove the folder.`);
  }
  const assets = artifacts
    .filter(([, { type }]) => type === 'cdk:asset-manifest')
    .flatMap(([, { properties }]) => Object.values(readJson<AssetManifest>(folder, properties?.file ?? '').files))
    .flatMap(({ source, destinations }) =>
      Object.values(destinations).map(({ objectKey }) => [objectKey, join(folder, source.path ?? '')] as const),
    );
  return {
    name: stack.properties.stackName ?? id,
    resources: readJson<{ Resources: SynthesizedStack['resources'] }>(folder, stack.properties.templateFile).Resources,
    assets: Object.fromEntries(assets),
  };
}

/** The stack's resources of one type, with their logical ids, in the template's order. */
export function resourcesOfType(stack: SynthesizedStack, type: string): (readonly [string, TemplateResource])[] {
  return Object.entries(stack.resources).filter(([, resource]) => resource.Type === type);
}

function readJson<T>(folder: string, file: string): T {
  try {
    return JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
  } catch (error) {
    throw new UsageError(`The synthesised stack in ${folder} cannot be read; remove the folder.`, { cause: error });
  }
}
