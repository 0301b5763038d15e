import { Duration } from 'aws-cdk-lib/core';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface AlarmsProps {
  /** Dead-letter queues by the name of the construct that owns them. */
  readonly deadLetterQueues: Readonly<Record<string, IQueue>>;
  /** The function that consumes the table's stream. */
  readonly streamConsumer: IFunction;
  /**
   * Receives a notification when an alarm begins and ends.
   *
   * @default - none: the alarms are visible in CloudWatch only
   */
  readonly topic?: ITopic | undefined;
}

/**
 * Alarms for failures that an operator must handle within 24 hours: the stream keeps its records for that time, and a
 * discarded batch contains only references to them.
 */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, { deadLetterQueues, streamConsumer, topic }: AlarmsProps) {
    super(scope, id);
    const action = topic && new SnsAction(topic);
    const addAlarm = (name: string, alarmDescription: string, metric: IMetric, threshold: number): void => {
      const alarm = new Alarm(this, name, {
        alarmDescription,
        metric,
        threshold,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: 1,
        // An empty queue and an idle stream report no data.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
      if (action !== undefined) {
        alarm.addAlarmAction(action);
        alarm.addOkAction(action);
      }
    };
    const period = Duration.minutes(5);
    for (const [name, queue] of Object.entries(deadLetterQueues)) {
      addAlarm(
        `${name}DeadLetters`,
        'The queue contains dead letters; "npm run dead-letters -- --stack <this stack>" lists them with their reasons.',
        queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
        0,
      );
    }
    addAlarm(
      'LateNotifications',
      'Notifications are over 15 minutes late; records are discarded after 6 hours.',
      streamConsumer.metric('IteratorAge', { period, statistic: 'Maximum' }),
      Duration.minutes(15).toMilliseconds(),
    );
  }
}
