import { Duration } from 'aws-cdk-lib/core';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface AlarmsProps {
  /** The dead-letter queues, by what lies in them. */
  readonly deadLetters: Readonly<Record<string, Queue>>;
  /** The function that reads the table's stream. */
  readonly streamReader: LambdaFunction;
  /**
   * The topic that is told when an alarm begins and ends.
   *
   * @default - none: the alarms are to be seen in CloudWatch only
   */
  readonly topicArn?: string | undefined;
}

/**
 * What has to be looked at by a person, and within a day: the stream keeps no record for longer, and a batch that was given
 * up is only a place in it.
 */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, { deadLetters, streamReader, topicArn }: AlarmsProps) {
    super(scope, id);
    const action = topicArn === undefined ? undefined : new SnsAction(Topic.fromTopicArn(this, 'Topic', topicArn));
    const alarm = (name: string, alarmDescription: string, metric: IMetric, threshold: number): void => {
      const one = new Alarm(this, name, {
        alarmDescription,
        metric,
        threshold,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: 1,
        // Neither a queue nor a stream reports anything where there is nothing.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
      if (action !== undefined) {
        one.addAlarmAction(action);
        one.addOkAction(action);
      }
    };
    const period = Duration.minutes(5);
    for (const [name, queue] of Object.entries(deadLetters)) {
      alarm(
        `${name}DeadLetters`,
        `There are dead letters: npm run dead-letters -- --stack <this stack> says which, and why.`,
        queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
        0,
      );
    }
    alarm(
      'LateNotifications',
      'Changes are told more than a quarter of an hour late; after six hours they are given up.',
      streamReader.metric('IteratorAge', { period, statistic: 'Maximum' }),
      Duration.minutes(15).toMilliseconds(),
    );
  }
}
