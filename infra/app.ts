import { App, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { parseOrigins } from './stages/cors-origins.ts';
import { identityFromContext } from './stages/identity-context.ts';
import { parseAlarmTopic, parseOfferSubscriptions } from './stages/subscription-context.ts';
import { UsageError } from './usage-error.ts';
import { ImageSharingStack, type ImageSharingStackProps } from './image-sharing-stack.ts';

/** The stages by the name that `-c stage=…` takes, each with its stack's name and settings. */
const stages: Readonly<Record<string, Omit<ImageSharingStackProps, 'identity'>>> = {
  prod: { stackName: 'ImageSharing' },
  throwaway: { stackName: 'ImageSharingThrowaway', destroyOnRemoval: true },
};

const app = new App();
try {
  const stage: unknown = app.node.tryGetContext('stage') ?? 'prod';
  const settings = typeof stage === 'string' && Object.hasOwn(stages, stage) ? stages[stage] : undefined;
  if (settings === undefined) {
    throw new UsageError(
      `The stage ${JSON.stringify(stage)} is unknown: -c stage= takes ${Object.keys(stages).join(' or ')}.`,
    );
  }
  new ImageSharingStack(app, 'ImageSharing', {
    ...settings,
    ...identityFromContext(app.node),
    offerSubscriptions: parseOfferSubscriptions(app.node.tryGetContext('offerSubscriptions')),
    ...parseAlarmTopic(app.node.tryGetContext('alarmTopicArn')),
    publicUrl: String(app.node.tryGetContext('publicUrl') ?? ''),
    corsOrigins: parseOrigins('-c corsOrigins', String(app.node.tryGetContext('corsOrigins') ?? '')),
  });
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  // The app would be synthesized, as far as it got, when the process ends by itself.
  process.exit(1);
}
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
