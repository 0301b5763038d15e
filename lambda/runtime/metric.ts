/** Namespace of all metrics of this service. */
const namespace = 'ImageSharing';

/**
 * Returns log fields that add one to a metric: CloudWatch reads them from the log line ("Embedded metric format").
 *
 * @param metric - the metric's name
 */
export const countMetric = (metric: string): Readonly<Record<string, unknown>> => ({
  _aws: {
    Timestamp: Date.now(),
    CloudWatchMetrics: [{ Namespace: namespace, Dimensions: [[]], Metrics: [{ Name: metric, Unit: 'Count' }] }],
  },
  [metric]: 1,
});
