import type { StageSettings } from '../settings/stage-settings.ts';

/**
 * The production stage. Add `identity` and `alarmTopicArn`, which are required in production, here or in the file of
 * `--settings`; `account` and `region` prevent a deployment to another account.
 */
export default {
  production: true,
  stackName: 'ImageSharing',
  reservedConcurrency: 100,
  backupPlan: true,
} satisfies StageSettings;
