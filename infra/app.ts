import { App, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { parseOrigins } from './cors-origins.ts';
import { ImageSharingStack, type ImageSharingStackProps } from './image-sharing-stack.ts';

/** The stages by the name that `-c stage=…` takes, each with its stack's name and settings. */
const stages: Readonly<Record<string, ImageSharingStackProps>> = {
  prod: { stackName: 'ImageSharing', identity: 'none' },
  throwaway: { stackName: 'ImageSharingThrowaway', identity: 'none', throwAway: true },
};

const app = new App();
const stage: unknown = app.node.tryGetContext('stage') ?? 'prod';
const settings = typeof stage === 'string' && Object.hasOwn(stages, stage) ? stages[stage] : undefined;

if (settings === undefined) {
  console.error(`The stage ${JSON.stringify(stage)} is unknown: -c stage= takes ${Object.keys(stages).join(' or ')}.`);
  process.exit(1);
}
new ImageSharingStack(app, 'ImageSharing', { ...settings, corsOrigins: corsOrigins() });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

/** The origins of `-c corsOrigins=…`; the app ends with a sentence where one of them is none. */
function corsOrigins(): readonly string[] {
  try {
    return parseOrigins('-c corsOrigins', String(app.node.tryGetContext('corsOrigins') ?? ''));
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
