import { CfnBackupPlan } from 'aws-cdk-lib/aws-backup';
import { type Stack, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks, NIST80053R5Checks, ServerlessChecks } from 'cdk-nag';

/** Settings of a stack that satisfy a rule. */
export interface Safeguards {
  readonly production: boolean;
  readonly tracing?: boolean | undefined;
  readonly alarmTopicArn?: string | undefined;
  readonly reservedConcurrency?: number | undefined;
  readonly logKeyArn?: string | undefined;
}

/**
 * Adds the rule packs AWS Solutions, Serverless and NIST 800-53 R5 to the app of a stack. A finding makes the synthesis
 * fail, unless the construct or one of its scopes acknowledges it with a reason. For a missing tracing the finding is a
 * warning only.
 *
 * A stage may leave out the key of the logs and the backup plan, a development stage every safeguard.
 */
export function addSecurityChecks(stack: Stack, safeguards: Safeguards): void {
  const app = stack.node.root;
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app), new NIST80053R5Checks(app));
  acknowledgeOmittedSafeguards(stack, safeguards);
}

function acknowledgeOmittedSafeguards(stack: Stack, safeguards: Safeguards): void {
  const { production, tracing = false, alarmTopicArn, reservedConcurrency, logKeyArn } = safeguards;
  const acknowledge = (isOmitted: boolean, id: string, reason: string): void => {
    if (isOmitted) Validations.of(stack).acknowledge({ id, reason });
  };
  acknowledge(
    logKeyArn === undefined,
    'NIST.800.53.R5-CloudWatchLogGroupEncrypted',
    'CloudWatch Logs encrypts with its own key, and no log line has a token or a body; a stage can set a key.',
  );
  acknowledge(
    // With a plan, the rule checks that the plan selects the table.
    !stack.node.findAll().some((node) => node instanceof CfnBackupPlan),
    'NIST.800.53.R5-DynamoDBInBackupPlan',
    'Point-in-time recovery restores each second of the last 35 days; a stage can add a backup plan.',
  );
  if (production) return;
  acknowledge(
    !tracing,
    'Serverless-LambdaTracing',
    'Development needs no traces: the log lines of a request name its operation, outcome and duration.',
  );
  acknowledge(
    alarmTopicArn === undefined,
    'NIST.800.53.R5-CloudWatchAlarmAction',
    'No operator is on call for a development stage; its alarms are visible in CloudWatch.',
  );
  acknowledge(
    reservedConcurrency === undefined,
    'NIST.800.53.R5-LambdaConcurrency',
    'Stages of a development account share its concurrency, which a reservation would take from the others.',
  );
}
