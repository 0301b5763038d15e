import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { projectFolder } from '../project-folder.ts';
import { suggest } from '../suggestion.ts';
import { UsageError } from '../usage-error.ts';
import { parseStageSettings } from './parse-stage-settings.ts';
import type { StageSettings } from './stage-settings.ts';

/** A stage and its parsed settings. */
export interface StageWithSettings {
  /** Name of the stage, such as `prod`. */
  readonly stage: string;
  /** Name of its stack. */
  readonly stackName: string;
  readonly settings: StageSettings;
  /** Names of the files that contain the settings, for messages. */
  readonly source: string;
}

/** Options of a command that reads the settings of a stage, for `parseArgs` of Node. */
export const stageOptions = { stage: { type: 'string' }, settings: { type: 'string' } } as const;

/** Usage of {@link stageOptions}. */
export const stageUsage = '--stage <name> [--settings <file.json>]';

const stagesFolder = join(projectFolder, 'infra', 'stages');

/**
 * Loads the settings of a stage: its file in `infra/stages/`, with the settings of a JSON file added or in their place.
 * A stage without a file of its own requires the JSON file.
 *
 * @param options - values of {@link stageOptions}
 * @throws UsageError if the stage is missing or unknown, a file is unreadable, or a setting is invalid
 */
export async function loadStage(options: {
  readonly stage?: string | undefined;
  readonly settings?: string | undefined;
}): Promise<StageWithSettings> {
  const { stage, settings: file } = options;
  const stages = readdirSync(stagesFolder).map((name) => basename(name, '.ts'));
  const known = stages.map((name) => `"${name}"`).join(' or ');
  if (stage === undefined || stage === '')
    throw new UsageError(`"--stage" is required: ${known}, or another with "--settings".`);
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(stage)) {
    throw new UsageError(
      `"--stage" must have up to 32 characters: a letter a-z, followed by a-z, 0-9 and hyphens; got ${JSON.stringify(stage)}.`,
    );
  }
  const hasFile = stages.includes(stage);
  if (!hasFile && file === undefined) {
    const suggestion = suggest(stage, stages);
    throw new UsageError(
      `"--stage" must be ${known}, or another stage with "--settings <file.json>"; got "${stage}"${suggestion === undefined ? '.' : `. Did you mean "${suggestion}"?`}`,
    );
  }
  const ownFile = `infra/stages/${stage}.ts`;
  const own = hasFile
    ? ((await import(join(stagesFolder, `${stage}.ts`))) as { readonly default: StageSettings }).default
    : {};
  const source = [...(hasFile ? [ownFile] : []), ...(file === undefined ? [] : [file])].join(' and ');
  const settings = parseStageSettings({ ...own, ...(file === undefined ? {} : readJson(file)) }, source);
  return { stage, stackName: settings.stackName ?? `ImageSharing-${stage}`, settings, source };
}

function readJson(file: string): object {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new UsageError(`"--settings" must be a readable file; reading ${file} failed with ${reason}.`, {
      cause: error,
    });
  }
  let settings: unknown;
  try {
    settings = JSON.parse(content);
  } catch (error) {
    throw new UsageError(`"--settings" must be a JSON file; parsing ${file} failed: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    throw new UsageError(`"--settings" must be a file with a JSON object; ${file} contains another value.`);
  }
  return settings;
}
