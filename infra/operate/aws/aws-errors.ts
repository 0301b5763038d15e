import { UsageError } from '../../usage-error.ts';

/**
 * Calls AWS and turns its errors into UsageErrors. Rethrows any other error.
 *
 * @throws UsageError if AWS refuses the call or cannot be reached
 */
export async function withUsageErrors<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const sentence = error instanceof UsageError ? undefined : describeAwsError(error as NodeJS.ErrnoException);
    if (sentence === undefined) throw error;
    throw new UsageError(sentence, { cause: error });
  }
}

/** Returns a sentence about an error of AWS or of the connection to it, or undefined for any other error. */
function describeAwsError(error: NodeJS.ErrnoException): string | undefined {
  const { name, message, code } = error;
  if (name === 'CredentialsProviderError') {
    return `AWS credentials are missing (${message}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`;
  }
  if (message === 'Region is missing') return 'The region of the stack is missing: set AWS_REGION.';
  if (message.startsWith('Region not accepted')) return `"AWS_REGION" is not the name of a region (${message}).`;
  if (name === 'ValidationError' && /^Stack .*does not exist/.test(message)) {
    return `${message} in the selected region and account: check "--stack", AWS_REGION and AWS_PROFILE.`;
  }
  if ('$fault' in error) return `AWS responded with ${name}: ${message}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `AWS is not reachable (${message}): check AWS_REGION and the network.`;
  }
  if (code !== undefined || name === 'TimeoutError') return `AWS is not reachable: ${message}`;
  return undefined;
}
