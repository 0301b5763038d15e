import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../usage-error.ts';

/** A resource of a CloudFormation template. Its properties are not resolved. */
export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** A synthesized stack. */
export interface SynthesizedStack {
  readonly name: string;
  /** The template's resources by logical id. */
  readonly resources: Readonly<Record<string, TemplateResource>>;
  /** Absolute paths of the asset files and folders by object key. */
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
 * @param folder - the folder of the assembly's `manifest.json`
 * @throws UsageError if the assembly is missing, unreadable or does not contain exactly one stack
 */
export function readSynthesizedStack(folder: string): SynthesizedStack {
  const artifacts = Object.entries(
    readJson<{ artifacts: Readonly<Record<string, Artifact>> }>(folder, 'manifest.json').artifacts,
  );
  const stacks = artifacts.filter(([, { type }]) => type === 'aws:cloudformation:stack');
  const [id, stack] = stacks[0] ?? [];
  if (stacks.length !== 1 || id === undefined || stack?.properties?.templateFile === undefined) {
    throw new UsageError(
      `The cloud assembly ${folder} must contain one stack; got ${stacks.length}. Remove the folder and start again.`,
    );
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

/** Returns the stack's resources of one type with their logical ids, in the template's order. */
export function resourcesOfType(stack: SynthesizedStack, type: string): (readonly [string, TemplateResource])[] {
  return Object.entries(stack.resources).filter(([, resource]) => resource.Type === type);
}

function readJson<T>(folder: string, file: string): T {
  try {
    return JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
  } catch (error) {
    throw new UsageError(`The cloud assembly ${folder} cannot be read. Remove the folder and start again.`, {
      cause: error,
    });
  }
}
