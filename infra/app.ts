import { App, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { parseOrigins } from './settings/cors-origins.ts';
import { identityFromContext } from './settings/identity-context.ts';
import { invalidSetting } from './settings/invalid-setting.ts';
import { scaleFromContext } from './settings/scale-context.ts';
import { parseAlarmTopic, parseOfferSubscriptions } from './settings/subscription-context.ts';
import { UsageError } from './usage-error.ts';
import { ImageSharingStack, type ImageSharingStackProps } from './image-sharing-stack.ts';

/** Stack name and settings of each stage by its name in `-c stage=…`. */
const stages: Readonly<Record<string, Omit<ImageSharingStackProps, 'identity'>>> = {
  prod: { stackName: 'ImageSharing', production: true },
  throwaway: { stackName: 'ImageSharingThrowaway', production: false },
};

const app = new App();
try {
  const stage: unknown = app.node.tryGetContext('stage') ?? 'prod';
  const settings = typeof stage === 'string' && Object.hasOwn(stages, stage) ? stages[stage] : undefined;
  if (settings === undefined) throw invalidSetting('-c stage', Object.keys(stages).join(' or '), stage);
  new ImageSharingStack(app, 'ImageSharing', {
    ...settings,
    ...identityFromContext(app.node),
    ...scaleFromContext(app.node),
    offerSubscriptions: parseOfferSubscriptions(app.node.tryGetContext('offerSubscriptions')),
    ...parseAlarmTopic(app.node.tryGetContext('alarmTopicArn')),
    publicUrl: String(app.node.tryGetContext('publicUrl') ?? ''),
    corsOrigins: parseOrigins('-c corsOrigins', String(app.node.tryGetContext('corsOrigins') ?? '')),
  });
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  // Exits immediately, because CDK would synthesize the incomplete app at the normal end of the process.
  process.exit(1);
}
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
