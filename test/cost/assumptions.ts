import { functionSeconds } from '../scale/limits.ts';

// Facts that nothing in this repository counts. docs/cost.md shows each of them.

/** Durations of functions in seconds; those of {@link functionSeconds} apply to each request. */
export const durations = {
  ...functionSeconds,
  /** Initialization of a new function instance, which is billed. */
  coldStart: 0.5,
} as const;

/** Share of the requests that meet a new function instance. */
export const coldStartShare = 0.01;

/** Bytes of a response besides its body: headers and the TLS record. */
export const responseOverheadBytes = 700;

/** Bytes that the log groups receive for a request: the function's line with its metrics, Lambda's lines, the access log. */
export const requestLogBytes = 2_500;

/** Publication of a notification: one invocation each, the worst case, since busy times share one. */
export const publication = {
  /** Writes the history, reads the image, reads the membership, puts the event. */
  roundTrips: 4,
  readUnits: 2,
  logBytes: 1_000,
} as const;

/** A run of the function that ends memberships, if none has ended. A write costs more, as a withdrawal does. */
export const idleSweep = {
  /** Queries all shards in parallel. */
  roundTrips: 1,
  /** An empty eventually consistent query of each of 16 shards. */
  readUnits: 8,
  logBytes: 1_300,
  metrics: 3,
} as const;

/** Custom metrics of an operation: those by operation, and those by operation and outcome. */
export const metricsPerOperation = { byOperation: 5, byOutcome: 2 } as const;

/** Outcomes of an operation in an ordinary hour: success and refused. */
export const ordinaryOutcomes = 2;

/**
 * Requests by which Lambda polls a queue in a second, even if it is empty: five pollers, each with long polling of 20
 * seconds.
 */
export const pollsPerSecond = 5 / 20;

/** X-Ray's default sampling: the first request of each second, and a share of the others. */
export const sampling = { perSecond: 1, share: 0.05 } as const;

/** Copies of the table that the backup plan keeps: daily for 35 days, monthly for a year. */
export const backupCopies = 35 + 12;

/** Bytes that the worker imports in a second. A source may be slower, and costs the function's time accordingly. */
export const importBytesPerSecond = 50e6;

/** Bytes of a part of an upload. Each part is a write of S3. */
export const uploadPartBytes = 8 * 1024 * 1024;

/** Dashboards of a production stage. */
export const dashboards = 1;

/** Average bytes of an item of a history, with its overhead. The length depends on the ids. */
export const historyItemBytes = 600;

/** Months of changes that the history contains after its retention of 400 days. */
export const historyMonths = 400 / 30;

/** Hours of a month. */
export const hoursPerMonth = 730;

/** A team that uses the service. Its projects make the requests of the workload in `test/scale/workload.ts`. */
export interface TeamSize {
  readonly title: string;
  readonly projects: number;
  /** Images that a project owns. */
  readonly imagesPerProject: number;
  readonly membersPerImage: number;
  /** Busy hours of a project in a month: 8 on each of 20 days. */
  readonly busyHours: number;
  /** Hours of the month in which the service has any request. */
  readonly activeHours: number;
}

const perProject = { imagesPerProject: 20, membersPerImage: 5, busyHours: 160 } as const;

export const teamSizes: readonly TeamSize[] = [
  { title: 'small', projects: 10, ...perProject, activeHours: 160 },
  { title: 'medium', projects: 200, ...perProject, activeHours: hoursPerMonth },
  { title: 'large', projects: 5_000, ...perProject, activeHours: hoursPerMonth },
];
