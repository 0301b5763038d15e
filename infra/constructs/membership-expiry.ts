import { Duration, Stack, Validations } from 'aws-cdk-lib/core';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import { type FunctionOptions, ServiceFunction } from './service-function.ts';
import type { SharingTable } from './sharing-table.ts';

export interface MembershipExpiryProps extends FunctionOptions {
  readonly table: SharingTable;
}

const period = Duration.minutes(1);
/** Shorter than the period, so that a run ends before the next one starts. */
const timeout = Duration.seconds(55);
const nothingToKeep = 'An event of the schedule has no content to keep: the next run, a minute later, does the same.';

/**
 * A function that ends memberships whose end has passed, and its schedule: every minute.
 *
 * Requests ignore such memberships from the second of their end on. The function withdraws them, which publishes the
 * change and corrects the number of members. It needs no retries: the next run continues.
 */
export class MembershipExpiry extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, { table, ...options }: MembershipExpiryProps) {
    super(scope, id);
    const fn = new ServiceFunction(this, 'Function', {
      ...options,
      entry: 'expire-memberships',
      timeout,
      withoutDeadLetterQueue: nothingToKeep,
    });
    this.function = fn;
    table.grantExpireMemberships(fn);
    // Lambda repeats a failed asynchronous invocation twice by default, and keeps a throttled one for six hours.
    fn.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: period });
    Validations.of(fn).acknowledge(
      { id: 'Serverless-LambdaAsyncFailureDestination', reason: nothingToKeep },
      {
        id: 'NIST.800.53.R5-LambdaConcurrency',
        reason:
          'The schedule invokes it once a minute, and its timeout is shorter. A reservation would take concurrency from the requests, and a new account has none to reserve.',
      },
    );

    const role = this.#createSchedulerRole(fn);
    const schedule = new Schedule(this, 'Schedule', {
      description: 'Ends memberships whose end has passed.',
      schedule: ScheduleExpression.rate(period),
      // The grant of the target would include all versions of the function by a wildcard.
      target: new LambdaInvoke(fn, { role: role.withoutPolicyUpdates(), retryAttempts: 0 }),
    });
    schedule.node.addDependency(role);
  }

  /** Creates a role with which only schedules of this account invoke the function, and do nothing else. */
  #createSchedulerRole(fn: LambdaFunction): Role {
    const stack = Stack.of(this);
    const scheduleGroup = stack.formatArn({
      service: 'scheduler',
      resource: 'schedule-group',
      resourceName: 'default',
    });
    const role = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account, 'aws:SourceArn': scheduleGroup } },
      }),
    });
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [fn.functionArn] }));
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'The policy belongs to one role and names one function; nothing else can share it.',
    });
    return role;
  }
}
