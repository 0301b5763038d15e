import { suggest } from '../suggestion.ts';
import { UsageError } from '../usage-error.ts';
import { stageSettingsSchema } from './stage-settings.ts';

/**
 * Refuses settings in the context of the CDK, such as `-c memberQuota=200` or an entry in `cdk.json`, because they would
 * have no effect. The names of the CDK's own entries contain `:`, `/` or `cli-telemetry`.
 *
 * @param context - values by name
 * @throws UsageError with a sentence for each setting
 */
export function assertNoContextSettings(context: Readonly<Record<string, unknown>>): void {
  const known = ['stage', ...Object.keys(stageSettingsSchema.shape)];
  const problems = Object.keys(context)
    .filter((name) => !/[:/]/.test(name) && name !== 'cli-telemetry')
    .map((name) => {
      const setting = suggest(name, known);
      if (setting === undefined) return `"-c ${name}" is not a setting.`;
      if (setting === 'stage') return `"-c ${name}" has no effect; use "--stage".`;
      return `"-c ${name}" has no effect; set "${setting}" in infra/stages/<stage>.ts or in the file of "--settings".`;
    });
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
}
