import { Stack } from 'aws-cdk-lib/core';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { allOperations, metricNamespace, type MetricName, type Outcome } from '../../../lambda/runtime/metric.ts';

/** Values of the dimensions of a service metric, besides the stack. */
export interface ServiceMetricProps extends MetricOptions {
  /** @default - all operations together, which only metrics of errors have */
  readonly operation?: string;
  /** @default - the metric without an outcome */
  readonly outcome?: Outcome;
}

/** Returns the sum of a metric that the functions of the scope's stack write to their log. */
export const serviceMetric = (
  scope: Construct,
  metricName: MetricName,
  { operation = allOperations, outcome, ...options }: ServiceMetricProps,
): Metric =>
  new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { stack: Stack.of(scope).stackName, operation, ...(outcome !== undefined && { outcome }) },
    statistic: 'Sum',
    ...options,
  });
