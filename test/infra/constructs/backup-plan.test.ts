import { expect, test } from '@jest/globals';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { App, Stack } from 'aws-cdk-lib/core';
import { BackupPlan } from '../../../infra/constructs/backup-plan.ts';
import { SharingTable } from '../../../infra/constructs/sharing-table.ts';

function synthesize(): Template {
  const stack = new Stack(new App(), 'Test', { stackName: 'ImageSharing' });
  new BackupPlan(stack, 'Backup', { table: new SharingTable(stack, 'Table') });
  return Template.fromStack(stack);
}

test('the table is backed up every day for 35 days and every month for a year', () => {
  const template = synthesize();

  const [vaultId] = Object.keys(template.findResources('AWS::Backup::BackupVault'));
  const rule = (RuleName: string, ScheduleExpression: string, DeleteAfterDays: number) => ({
    RuleName,
    ScheduleExpression,
    Lifecycle: { DeleteAfterDays },
    TargetBackupVault: { 'Fn::GetAtt': [vaultId, 'BackupVaultName'] },
  });
  template.hasResourceProperties('AWS::Backup::BackupPlan', {
    BackupPlan: {
      BackupPlanName: 'ImageSharing',
      BackupPlanRule: [rule('Daily', 'cron(0 5 * * ? *)', 35), rule('Monthly', 'cron(0 6 1 * ? *)', 365)],
    },
  });
  const [tableId] = Object.keys(template.findResources('AWS::DynamoDB::Table'));
  template.hasResourceProperties('AWS::Backup::BackupSelection', {
    BackupSelection: { Resources: [{ 'Fn::GetAtt': [tableId, 'Arn'] }] },
  });
});

test('the vault has a name of the stack, outlives it and is encrypted with the key of AWS Backup', () => {
  const vaults = Object.values(synthesize().findResources('AWS::Backup::BackupVault'));

  expect(vaults).toEqual([
    {
      Type: 'AWS::Backup::BackupVault',
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      // Without "EncryptionKeyArn" AWS Backup uses its own key.
      Properties: { BackupVaultName: 'ImageSharing-backups' },
    },
  ]);
});

test('only AWS Backup may use the role of the plan, and the role may not restore', () => {
  synthesize().hasResourceProperties('AWS::IAM::Role', {
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'backup.amazonaws.com' } }],
    },
    ManagedPolicyArns: [
      {
        'Fn::Join': Match.arrayWith([
          Match.arrayWith([Match.stringLikeRegexp('AWSBackupServiceRolePolicyForBackup$')]),
        ]),
      },
    ],
  });
});
