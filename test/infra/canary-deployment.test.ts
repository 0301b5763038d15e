import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib/core';
import { Template } from 'aws-cdk-lib/assertions';
import { cdkContext } from '../../infra/cdk-context.ts';
import { ServiceFunction, type ServiceFunctionProps } from '../../infra/constructs/service-function.ts';
import { ImageSharingStack, type ImageSharingStackProps } from '../../infra/image-sharing-stack.ts';

type Resource = Record<string, any>;

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-canary-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const newApp = (): App => new App({ outdir: mkdtempSync(join(folder, 'app-')), context: cdkContext });
const synthesize = (props: Partial<ImageSharingStackProps> = {}): Template =>
  Template.fromStack(
    new ImageSharingStack(newApp(), 'ImageSharing', { identity: { kind: 'none' }, production: true, ...props }),
  );
const resources = (template: Template, type: string): [string, Resource][] =>
  Object.entries(template.findResources(type));

let production: Template;
let development: Template;
beforeAll(() => {
  production = synthesize();
  development = synthesize({ production: false });
});

describe.each([
  ['production', () => production],
  ['development', () => development],
])('in %s', (_, templateOf) => {
  test('each function of the API, and no other, has an alias to its current version', () => {
    const template = templateOf();
    const versions = template.findResources('AWS::Lambda::Version') as Record<string, Resource>;

    const aliases = resources(template, 'AWS::Lambda::Alias').map(([, { Properties: alias }]) => alias);

    expect(aliases.map(({ Name, FunctionName }) => [Name, FunctionName.Ref.replace(/[0-9A-F]{8}$/, '')])).toEqual([
      ['live', 'MembersFunction'],
      ['live', 'ImagesFunction'],
      ['live', 'SharingFunction'],
      ['live', 'DiscoveryFunction'],
    ]);
    expect(Object.keys(versions)).toHaveLength(4);
    for (const { FunctionName, FunctionVersion } of aliases) {
      const [versionId, attribute] = FunctionVersion['Fn::GetAtt'];
      expect(attribute).toBe('Version');
      expect(versions[versionId]!['Properties']).toEqual({ FunctionName });
    }
  });

  test('a version is retained when a later one replaces it', () => {
    for (const [, version] of resources(templateOf(), 'AWS::Lambda::Version')) {
      expect(version).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    }
  });
});

describe('a production stage', () => {
  test('moves a tenth of the requests to a new version for five minutes, then the others', () => {
    const groups = production.findResources('AWS::CodeDeploy::DeploymentGroup') as Record<string, Resource>;

    const updates = resources(production, 'AWS::Lambda::Alias').map(
      ([, { UpdatePolicy }]) => UpdatePolicy.CodeDeployLambdaAliasUpdate,
    );

    expect(updates.map(({ DeploymentGroupName }) => DeploymentGroupName.Ref).sort()).toEqual(
      Object.keys(groups).sort(),
    );
    expect(updates).toHaveLength(4);
    for (const { ApplicationName, DeploymentGroupName } of updates) {
      expect(groups[DeploymentGroupName.Ref]!['Properties']).toMatchObject({
        ApplicationName,
        DeploymentConfigName: 'CodeDeployDefault.LambdaCanary10Percent5Minutes',
      });
    }
  });

  test('returns to the previous version if a deployment fails, is stopped, or requests or functions of the API fail', () => {
    const alarms = resources(production, 'AWS::CloudWatch::Alarm')
      .filter(([, { Properties }]) => Properties.Period === 60)
      .map(([id, { Properties }]) => ({ id, period: Properties.Period * Properties.EvaluationPeriods }));

    expect(alarms.map(({ id }) => id.replace(/[0-9A-F]{8}$/, ''))).toEqual([
      'AlarmsFailedRequests',
      'AlarmsMembersErrors',
      'AlarmsImagesErrors',
      'AlarmsSharingErrors',
      'AlarmsDiscoveryErrors',
    ]);
    // Otherwise the first step would end before an alarm begins.
    for (const { period } of alarms) expect(period).toBeLessThan(5 * 60);
    for (const [, { Properties }] of resources(production, 'AWS::CodeDeploy::DeploymentGroup')) {
      expect(Properties).toMatchObject({
        AlarmConfiguration: { Enabled: true, Alarms: alarms.map(({ id }) => ({ Name: { Ref: id } })) },
        AutoRollbackConfiguration: {
          Enabled: true,
          Events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_REQUEST', 'DEPLOYMENT_STOP_ON_ALARM'],
        },
      });
    }
  });

  test('moves to a new version immediately with the setting "canary" off', () => {
    const template = synthesize({ canary: false });

    template.resourceCountIs('AWS::CodeDeploy::Application', 0);
    for (const [, alias] of resources(template, 'AWS::Lambda::Alias')) expect(alias).not.toHaveProperty('UpdatePolicy');
  });
});

test('a development stage moves to a new version immediately', () => {
  development.resourceCountIs('AWS::CodeDeploy::Application', 0);
  development.resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 0);
  for (const [, alias] of resources(development, 'AWS::Lambda::Alias')) {
    expect(alias).not.toHaveProperty('UpdatePolicy');
  }
});

describe('the current version of a function', () => {
  const versionOf = (props: Partial<ServiceFunctionProps>): string => {
    const stack = new Stack(newApp(), 'Stack');
    new ServiceFunction(stack, 'Discovery', { entry: 'discovery', ...props }).addAlias('live');
    const [id] = Object.keys(Template.fromStack(stack).findResources('AWS::Lambda::Version'));
    return id!;
  };
  const initial = { files: { 'note.txt': 'one' }, environment: { NOTE: 'one' } };

  test('stays the same with the same code and settings', () => {
    expect(versionOf(initial)).toBe(versionOf(initial));
  });

  test.each([
    ['code', { files: { 'note.txt': 'two' } }],
    ['environment', { environment: { NOTE: 'two' } }],
    ['memory', { memorySize: 1024 }],
  ])('is a new one with another %s', (_, change) => {
    expect(versionOf({ ...initial, ...change })).not.toBe(versionOf(initial));
  });
});

test('the same settings give the same template', () => {
  expect(JSON.stringify(synthesize().toJSON())).toBe(JSON.stringify(production.toJSON()));
});
