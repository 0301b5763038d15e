import { Duration, Fn } from 'aws-cdk-lib/core';
import { Alarm, ComparisonOperator, type IMetric, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { expiryOperation, publishOperation } from '../../../lambda/runtime/metric.ts';
import type { ImageApi } from '../image-api.ts';
import { serviceMetric } from './service-metric.ts';
import type { SharingTable } from '../sharing-table.ts';

/** The parts of the stack that alarms and the dashboard watch. */
export interface MonitoredParts {
  readonly api: ImageApi;
  /** The functions behind the API by name, or their aliases, whose versions then have the metrics. */
  readonly apiFunctions: Readonly<Record<string, IFunction>>;
  readonly table: SharingTable;
  /** Dead-letter queues by the name of the construct that owns them. */
  readonly deadLetterQueues: Readonly<Record<string, IQueue>>;
  readonly commandQueue: IQueue;
  /** The queue of imports and deletions of image data. */
  readonly imageDataQueue: IQueue;
  /** The function that consumes the table's stream. */
  readonly streamConsumer: IFunction;
  /** The function that ends memberships whose end has passed. */
  readonly expiryFunction: IFunction;
}

export interface AlarmsProps extends MonitoredParts {
  /** Rules by name, each with its bus. */
  readonly rules: Readonly<Record<string, { readonly rule: Rule; readonly bus: EventBus }>>;
  /**
   * Receives a notification when an alarm begins and ends.
   *
   * @default - none: the alarms are visible in CloudWatch only
   */
  readonly topic?: ITopic | undefined;
}

/** An alarm on one metric: it begins when the metric exceeds the threshold in each of the periods. */
interface AlarmDefinition {
  /** Effect on users, as a sentence. */
  readonly effect: string;
  /** Name of the page in `docs/runbook/`. */
  readonly runbook: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** @default 1 */
  readonly periods?: number;
  /**
   * Set for a metric that is always reported: without data the alarm begins.
   *
   * @default false - an empty queue, an idle stream and a function without errors report no data
   */
  readonly beginsWithoutData?: boolean;
}

const fiveMinutes = Duration.minutes(5);
/** Period of the alarms that stop a deployment: a canary lasts minutes. */
const oneMinute = Duration.minutes(1);

/**
 * Alarms for everything that users notice and that needs an operator: errors of the API, slow requests, throttling, late
 * or lost events. An operator must handle a dead letter of the stream within 24 hours: the stream keeps its records for
 * that time, and a discarded batch contains only references to them.
 *
 * Every alarm is on one plain metric: some accounts and tools do not support metric math.
 */
export class Alarms extends Construct {
  /** All alarms, the most urgent first. */
  readonly all: readonly Alarm[];
  /** Alarms that show within a minute that a new version of the API's functions fails. */
  readonly rollback: readonly Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const action = props.topic && new SnsAction(props.topic);
    const all: Alarm[] = [];
    const add = (name: string, definition: AlarmDefinition): Alarm => {
      const { effect, runbook, metric, threshold, periods = 1, beginsWithoutData = false } = definition;
      const alarm = new Alarm(this, name, {
        alarmDescription: `${effect} docs/runbook/${runbook}.md`,
        metric,
        threshold,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: periods,
        treatMissingData: beginsWithoutData ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
      });
      if (action !== undefined) {
        alarm.addAlarmAction(action);
        alarm.addOkAction(action);
      }
      all.push(alarm);
      return alarm;
    };

    this.rollback = [...this.#addRequestAlarms(add, props)];
    this.#addCapacityAlarms(add, props);
    this.#addEventAlarms(add, props);
    this.#addExpiryAlarms(add, props);
    this.all = all;
  }

  /** Adds the alarms for requests. Returns those for a deployment. */
  #addRequestAlarms(add: AddAlarm, { api, apiFunctions }: AlarmsProps): readonly Alarm[] {
    const failed = add('FailedRequests', {
      effect: 'Requests get a 500 because of an error in the service.',
      runbook: 'server-errors',
      metric: serviceMetric(this, 'ServerErrors', { outcome: 'failed', period: oneMinute }),
      threshold: 0,
    });
    const functionErrors = Object.entries(apiFunctions).map(([name, fn]) =>
      add(`${name}Errors`, {
        effect: `Requests get a 500 because the function "${name}" crashes or times out.`,
        runbook: 'server-errors',
        metric: fn.metricErrors({ period: oneMinute }),
        threshold: 0,
      }),
    );
    add('GatewayErrors', {
      effect: 'More than 10 requests in 5 minutes get a 5xx, from the gateway or from the service.',
      runbook: 'server-errors',
      metric: api.metricServerErrors({ period: fiveMinutes, statistic: 'Sum' }),
      threshold: 10,
    });
    add('UnavailableRequests', {
      // Single conflicts under load are normal, and clients retry them.
      effect: 'More than 10 requests in 5 minutes get a 503, because of conflicts or because the database fails.',
      runbook: 'database',
      metric: serviceMetric(this, 'ServerErrors', { outcome: 'unavailable', period: fiveMinutes }),
      threshold: 10,
    });
    add('IdentityUnavailable', {
      effect: 'Requests get a 503 because their tokens cannot be verified.',
      runbook: 'identity',
      metric: serviceMetric(this, 'IdentityUnavailable', { period: fiveMinutes }),
      threshold: 0,
    });
    for (const [name, fn] of Object.entries(apiFunctions)) {
      add(`${name}Slow`, {
        effect: `One in a hundred requests to the function "${name}" takes over 5 seconds, for 15 minutes.`,
        runbook: 'slow-requests',
        metric: fn.metricDuration({ period: fiveMinutes, statistic: 'p99' }),
        threshold: Duration.seconds(5).toMilliseconds(),
        periods: 3,
      });
      add(`${name}Throttles`, {
        effect: `Requests get a 5xx because Lambda refuses to run the function "${name}".`,
        runbook: 'function-throttles',
        metric: fn.metricThrottles({ period: fiveMinutes }),
        threshold: 0,
      });
    }
    return [failed, ...functionErrors];
  }

  /** Adds the alarms for the table. */
  #addCapacityAlarms(add: AddAlarm, { table }: AlarmsProps): void {
    for (const { name, metric } of table.throttleMetrics({ period: fiveMinutes })) {
      add(name, {
        effect: 'Requests are slow or get a 503, because DynamoDB throttles the table, for 10 minutes.',
        runbook: 'database',
        metric,
        // The service retries; a partition that grows causes some throttling.
        threshold: 20,
        periods: 2,
      });
    }
    for (const { name, metric } of table.systemErrorMetrics({ period: fiveMinutes })) {
      add(name, {
        effect: 'Requests are slow or get a 503, because DynamoDB has internal errors.',
        runbook: 'database',
        metric,
        threshold: 5,
      });
    }
  }

  /** Adds the alarms for commands, notifications and image data. */
  #addEventAlarms(add: AddAlarm, props: AlarmsProps): void {
    const { deadLetterQueues, commandQueue, imageDataQueue, streamConsumer, rules } = props;
    for (const [name, queue] of Object.entries(deadLetterQueues)) {
      add(`${name}DeadLetters`, {
        effect:
          'Commands, notifications or image data are not processed until an operator redrives them from a dead-letter queue.',
        runbook: 'dead-letters',
        metric: queue.metricApproximateNumberOfMessagesVisible({ period: fiveMinutes, statistic: 'Maximum' }),
        threshold: 0,
      });
    }
    add('OldCommands', {
      effect: 'Commands wait for over 15 minutes.',
      runbook: 'commands',
      metric: commandQueue.metricApproximateAgeOfOldestMessage({ period: fiveMinutes, statistic: 'Maximum' }),
      threshold: Duration.minutes(15).toSeconds(),
    });
    add('OldImageData', {
      effect: 'Imports wait for over an hour, or the data of deleted images still exists.',
      runbook: 'image-data',
      metric: imageDataQueue.metricApproximateAgeOfOldestMessage({ period: fiveMinutes, statistic: 'Maximum' }),
      // Three attempts of a quarter of an hour are normal, because a message has its age until it is deleted.
      threshold: Duration.hours(1).toSeconds(),
    });
    const iteratorAge = streamConsumer.metric('IteratorAge', { period: fiveMinutes, statistic: 'Maximum' });
    add('LateNotifications', {
      effect: 'Notifications are over 15 minutes late; records are discarded after 6 hours.',
      runbook: 'notifications',
      metric: iteratorAge,
      threshold: Duration.minutes(15).toMilliseconds(),
    });
    add('VeryLateNotifications', {
      effect: 'Notifications are over 4 hours late; in 2 hours records are discarded to the dead-letter queue.',
      runbook: 'notifications',
      metric: iteratorAge,
      threshold: Duration.hours(4).toMilliseconds(),
    });
    add('UnpublishedRecords', {
      effect: 'Notifications are late, because for 15 minutes the event bus has not accepted all of them.',
      runbook: 'notifications',
      metric: serviceMetric(this, 'UnpublishedRecords', { operation: publishOperation, period: fiveMinutes }),
      threshold: 0,
      periods: 3,
    });
    for (const [name, { rule, bus }] of Object.entries(rules)) {
      add(`${name}FailedDeliveries`, {
        effect: 'A receiver of events misses some, because a rule could not deliver them.',
        runbook: 'failed-deliveries',
        metric: new Metric({
          namespace: 'AWS/Events',
          metricName: 'FailedInvocations',
          // `Ref` of a rule returns `<bus>|<rule>`, but the ARN ends with `rule/<bus>/<rule>`.
          dimensionsMap: { EventBusName: bus.eventBusName, RuleName: Fn.select(2, Fn.split('/', rule.ruleArn)) },
          statistic: 'Sum',
          period: fiveMinutes,
        }),
        threshold: 0,
      });
    }
  }

  /** Adds the alarms for the end of memberships. */
  #addExpiryAlarms(add: AddAlarm, { expiryFunction }: AlarmsProps): void {
    add('ExpiryErrors', {
      effect: 'Memberships that have ended are not withdrawn, because the function fails for 15 minutes.',
      runbook: 'expiry',
      metric: expiryFunction.metricErrors({ period: fiveMinutes }),
      threshold: 0,
      // The next run, a minute later, continues after a single failure.
      periods: 3,
    });
    const lag = Duration.minutes(15);
    add('OverdueMemberships', {
      effect: 'Memberships that have ended are not withdrawn for over 15 minutes: their notifications are late.',
      runbook: 'expiry',
      metric: serviceMetric(this, 'OverdueSeconds', {
        operation: expiryOperation,
        statistic: 'Maximum',
        period: lag,
      }),
      threshold: lag.toSeconds(),
      // Each run reports the metric, so that without data the schedule or the function stands still.
      beginsWithoutData: true,
    });
  }
}

type AddAlarm = (name: string, definition: AlarmDefinition) => Alarm;
