/** A quota that requests use up, by the second. */
export interface Limit {
  /** What is limited, as the report names it. */
  readonly label: string;
  readonly perSecond: number;
}

// Defaults of AWS ("Quotas" of DynamoDB, Lambda, API Gateway and EventBridge).

/** What one partition serves at most. */
export const partition = { reads: 3_000, writes: 1_000 } as const;
/** Partitions of a new on-demand table, and of each of its global indexes. */
export const initialPartitions = 4;
/** What a table, and each of its global indexes, may be asked for; an account can have it raised. */
export const tableQuota = { reads: 40_000, writes: 40_000 } as const;

/** What an account may ask for in one region; all can be raised. */
export const accountLimits = {
  requests: { label: 'API Gateway, requests of the account', perSecond: 10_000 },
  /** Seconds of functions per second. */
  concurrency: { label: 'Lambda, concurrency of the account', perSecond: 1_000 },
  /** In eu-central-1; 400 to 10,000 elsewhere. */
  events: { label: 'EventBridge, PutEvents of the account', perSecond: 2_400 },
} as const satisfies Record<string, Limit>;

/** An assumption: how long a function takes, apart from and for each round trip to the table, in seconds. */
export const functionSeconds = { own: 0.01, roundTrip: 0.01 } as const;
