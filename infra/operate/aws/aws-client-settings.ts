/** Time after which a connection to AWS has failed. */
const connectionTimeoutMilliseconds = 5_000;

/** Time without data after which a request has failed: longer than the longest function and long poll. */
const socketTimeoutMilliseconds = 60_000;

/**
 * Returns the settings of every AWS client of the operators' tools. The environment selects region, account and
 * credentials as for every AWS command line.
 */
export function awsClientSettings(env: NodeJS.ProcessEnv) {
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
  return {
    ...(region && { region }),
    requestHandler: { connectionTimeout: connectionTimeoutMilliseconds, socketTimeout: socketTimeoutMilliseconds },
  };
}
