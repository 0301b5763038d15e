import type { IAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from 'aws-cdk-lib/aws-codedeploy';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Alias } from 'aws-cdk-lib/aws-lambda';
import { Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

/** Name of the alias through which the API invokes a function. */
export const liveAlias = 'live';

export interface CanaryDeploymentProps {
  /** The aliases to move, by the name of their function. */
  readonly aliases: Readonly<Record<string, Alias>>;
  /** If one of these alarms begins during a deployment, all traffic of the alias returns to the previous version. */
  readonly alarms: readonly IAlarm[];
}

/**
 * Moves each alias to a new version in two steps: a tenth of the requests for five minutes, then the others. A
 * deployment that fails, is stopped or raises an alarm is reverted, and so is the update of the stack.
 */
export class CanaryDeployment extends Construct {
  constructor(scope: Construct, id: string, { aliases, alarms }: CanaryDeploymentProps) {
    super(scope, id);
    const application = new LambdaApplication(this, 'Application');
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('codedeploy.amazonaws.com') });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
      reason: 'CodeDeploy documents this managed policy, and no other list of the actions it uses.',
    });
    for (const [name, alias] of Object.entries(aliases)) {
      new LambdaDeploymentGroup(this, name, {
        application,
        alias,
        role,
        deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
        alarms: [...alarms],
        autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: true },
      });
    }
  }
}
