/**
 * Replaces two modules of the SDK in the functions' bundles, which saves a fifth of their bytes. It must have every
 * export that the SDK imports from these modules; otherwise bundling fails.
 */
import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * Reads credentials from the environment, once; replaces a chain of six sources. Lambda always sets these variables
 * ("Defined runtime environment variables" in the Lambda developer guide), except with SnapStart, which these functions
 * do not use.
 */
export const defaultProvider: typeof fromEnv = (init) => {
  const read = fromEnv(init);
  let credentials: ReturnType<typeof read> | undefined;
  return () => (credentials ??= read());
};

/** Replaces the cache of discovered endpoints, which the DynamoDB client constructs and never uses. */
export const EndpointCache = Object;
