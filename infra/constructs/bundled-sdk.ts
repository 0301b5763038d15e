/**
 * Replaces two modules of the SDK in the functions' bundles, a fifth of their bytes. Every export that the SDK imports from
 * these modules has to be here, or the bundling fails.
 */

/**
 * Credentials from the environment, in place of a chain of six sources. Lambda always sets them there ("Defined runtime
 * environment variables" in the Lambda developer guide), except with SnapStart, which these functions do not use.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';

/** In place of a cache of discovered endpoints, which the DynamoDB client constructs and never uses. */
export const EndpointCache = Object;
