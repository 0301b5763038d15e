import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadStage } from '../../settings/load-stage.ts';
import { findTarget } from './find-target.ts';
import { appCommand, runCdk, type StageSelection } from './run-cdk.ts';

/** Commands of the CDK for one stage. */
export interface StageCommands {
  /** Name of the stage. */
  readonly stage: string;
  /**
   * Synthesizes the stack and returns the folder of its cloud assembly, which exists until the exit of the process.
   *
   * @param restoredTable - replaces the stage's setting of this name
   * @throws UsageError if the synthesis fails; the CDK has printed the reason
   */
  synthesize(restoredTable?: string): Promise<string>;
  /**
   * Deploys a cloud assembly. Resources with a name that exist already become part of the stack.
   *
   * @throws UsageError if the deployment fails; the CDK has printed the reason
   */
  deployWithImport(assembly: string): Promise<void>;
}

/**
 * Returns the commands of a stage.
 *
 * @throws UsageError if the stage is unknown, a setting is invalid, or credentials or region are missing or of another
 *   stage
 */
export async function stageCommands(selection: StageSelection): Promise<StageCommands> {
  const loaded = await loadStage(selection);
  await findTarget(loaded);
  const { stage } = loaded;
  const folder = mkdtempSync(join(tmpdir(), 'image-sharing-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    stage,
    async synthesize(restoredTable) {
      const assembly = join(folder, restoredTable ?? 'cdk.out');
      let { settings } = selection;
      if (restoredTable !== undefined) {
        const own = settings === undefined ? {} : (JSON.parse(readFileSync(settings, 'utf8')) as object);
        settings = join(folder, 'settings.json');
        writeFileSync(settings, JSON.stringify({ ...own, restoredTable }));
      }
      await runCdk('synth', '--quiet', '--app', appCommand({ stage, settings }), '--output', assembly);
      return assembly;
    },
    async deployWithImport(assembly) {
      await runCdk('deploy', '--app', assembly, '--import-existing-resources', '--require-approval', 'never');
    },
  };
}
