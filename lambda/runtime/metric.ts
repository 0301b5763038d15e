/** Namespace of all metrics of this service. */
export const metricNamespace = 'ImageSharing';

/**
 * Outcomes of requests and commands: `success`; `refused`, a decision against the caller (4xx); `unavailable`, worth a
 * retry (503); `failed`, an error of the service (any other 5xx).
 */
export const outcomes = ['success', 'refused', 'unavailable', 'failed'] as const;
export type Outcome = (typeof outcomes)[number];

/** Returns the outcome of a response by its HTTP status. */
export function outcomeOf(status: number): Outcome {
  if (status < 400) return 'success';
  if (status < 500) return 'refused';
  return status === 503 ? 'unavailable' : 'failed';
}

// Every combination of values is a metric of its own with its own price. No dimension has values that callers choose.
const byOperation = ['stack', 'operation'] as const;
const byOutcome = ['stack', 'operation', 'outcome'] as const;

interface Definition {
  readonly unit: 'Count' | 'Milliseconds' | 'Seconds';
  readonly dimensions: readonly (typeof byOperation | typeof byOutcome)[];
}

/** The metrics with their units and sets of dimensions. */
const definitions = {
  /** Requests or commands. */
  Requests: { unit: 'Count', dimensions: [byOperation, byOutcome] },
  Duration: { unit: 'Milliseconds', dimensions: [byOperation, byOutcome] },
  ColdStarts: { unit: 'Count', dimensions: [byOperation] },
  ReadUnits: { unit: 'Count', dimensions: [byOperation] },
  WriteUnits: { unit: 'Count', dimensions: [byOperation] },
  /** Responses of the service with a 5xx, except `identity-unavailable`. */
  ServerErrors: { unit: 'Count', dimensions: [byOperation, byOutcome] },
  /** Responses `identity-unavailable`. */
  IdentityUnavailable: { unit: 'Count', dimensions: [byOperation] },
  /** Stream records that a batch did not publish and that are retried. */
  UnpublishedRecords: { unit: 'Count', dimensions: [byOperation] },
  UnknownStreamRecords: { unit: 'Count', dimensions: [byOperation] },
  /** Changes that the full history of their image does not contain. */
  UnrecordedChanges: { unit: 'Count', dimensions: [byOperation] },
  MalformedStreamRecords: { unit: 'Count', dimensions: [byOperation] },
  /** Memberships that were ended because their end had passed, and those that could not be ended. */
  ExpiredMemberships: { unit: 'Count', dimensions: [byOperation] },
  FailedExpiries: { unit: 'Count', dimensions: [byOperation] },
  /** Time since the earliest end of all memberships that have not been ended. */
  OverdueSeconds: { unit: 'Seconds', dimensions: [byOperation] },
} as const satisfies Readonly<Record<string, Definition>>;

/** Name of a metric. */
export type MetricName = keyof typeof definitions;

/**
 * Value of the dimension `operation` for the errors of all operations together. An alarm without metric math cannot add
 * the metrics of the operations, and a log line has only one value per dimension, so that these metrics have a line of
 * their own.
 */
export const allOperations = 'all';

/** Value of the dimension `operation` for the stream consumer. */
export const publishOperation = 'publish-notifications';

/** Value of the dimension `operation` for the function that ends memberships. */
export const expiryOperation = 'expire-memberships';

/** Values of the dimension `operation` for the messages of the worker of image data. */
export const importOperation = 'import-image-data';
export const deletionOperation = 'delete-image-data';

/**
 * Returns log fields from which CloudWatch extracts metrics ("Embedded metric format"). They include the dimensions
 * `operation` and `outcome`; `createLog` adds `stack`. Without an outcome there are no metrics by outcome.
 */
export function metricFields(
  operation: string,
  values: Readonly<Partial<Record<MetricName, number>>>,
  outcome?: Outcome,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(values) as MetricName[];
  const directives = [byOperation, byOutcome].flatMap((dimensions) => {
    const metrics = names.filter((name) => (definitions[name] as Definition).dimensions.includes(dimensions));
    if (metrics.length === 0 || (dimensions === byOutcome && outcome === undefined)) return [];
    return {
      Namespace: metricNamespace,
      Dimensions: [dimensions],
      Metrics: metrics.map((name) => ({ Name: name, Unit: definitions[name].unit })),
    };
  });
  return {
    operation,
    ...(outcome !== undefined && { outcome }),
    ...values,
    _aws: { Timestamp: Date.now(), CloudWatchMetrics: directives },
  };
}
