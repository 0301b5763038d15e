/** Where this service's metrics are. */
const namespace = 'ImageSharing';

/**
 * Makes a log line count as one of a metric: CloudWatch reads it from the log ("Embedded metric format").
 *
 * @param metric - its name
 */
export const countMetric = (metric: string): Readonly<Record<string, unknown>> => ({
  _aws: {
    Timestamp: Date.now(),
    CloudWatchMetrics: [{ Namespace: namespace, Dimensions: [[]], Metrics: [{ Name: metric, Unit: 'Count' }] }],
  },
  [metric]: 1,
});
