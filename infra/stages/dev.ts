import type { StageSettings } from '../settings/stage-settings.ts';

/** A stage to try changes: `npm run destroy -- --stage dev` deletes it with its data. */
export default {
  production: false,
  stackName: 'ImageSharingDev',
} satisfies StageSettings;
