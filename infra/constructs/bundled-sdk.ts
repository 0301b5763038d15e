/**
 * Replaces two modules of the SDK in the functions' bundles, which saves a fifth of their bytes. It must have every
 * export that the SDK imports from these modules; otherwise bundling fails.
 */

/**
 * Reads credentials from the environment; replaces a chain of six sources. Lambda always sets these variables ("Defined
 * runtime environment variables" in the Lambda developer guide), except with SnapStart, which these functions do not
 * use.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';

/** Replaces the cache of discovered endpoints, which the DynamoDB client constructs and never uses. */
export const EndpointCache = Object;
