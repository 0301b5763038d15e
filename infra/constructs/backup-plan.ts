import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { BackupPlan as Plan, BackupPlanRule, BackupResource, BackupVault } from 'aws-cdk-lib/aws-backup';
import { Schedule } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import type { SharingTable } from './sharing-table.ts';

export interface BackupPlanProps {
  readonly table: SharingTable;
}

/**
 * A daily backup of the table that is kept for 35 days and a monthly backup that is kept for a year, in a vault that
 * outlives the stack. Point-in-time recovery covers the last 35 days, but ends when its table is deleted.
 */
export class BackupPlan extends Construct {
  constructor(scope: Construct, id: string, { table }: BackupPlanProps) {
    super(scope, id);
    const backupVault = new BackupVault(this, 'Vault', {
      // Without a name, the vaults of two stages in one account would have the same.
      backupVaultName: `${Stack.of(this).stackName}-backups`,
      // Encrypted with the key of AWS Backup. With a key of its own, a stack that is created again would import the
      // retained vault with another key.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const plan = new Plan(this, 'Plan', {
      backupPlanName: Stack.of(this).stackName,
      backupVault,
      backupPlanRules: [
        new BackupPlanRule({
          ruleName: 'Daily',
          scheduleExpression: Schedule.cron({ hour: '5', minute: '0' }),
          deleteAfter: Duration.days(35),
        }),
        new BackupPlanRule({
          ruleName: 'Monthly',
          scheduleExpression: Schedule.cron({ day: '1', hour: '6', minute: '0' }),
          deleteAfter: Duration.days(365),
        }),
      ],
    });
    const selection = plan.addSelection('Table', { resources: [BackupResource.fromArn(table.tableArn)] });
    Validations.of(selection).acknowledge({
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]',
      reason: 'AWS Backup documents this policy as the one for its role and extends it with its features.',
    });
  }
}
