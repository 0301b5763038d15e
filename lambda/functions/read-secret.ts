/**
 * Reads the text of a secret from AWS Secrets Manager. The function's role must permit it.
 *
 * @param arn - the ARN of the secret
 */
export async function readSecret(arn: string): Promise<string> {
  // Only one kind of token verifier has a secret; a static import would cost every function the client at cold start.
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient({});
  try {
    const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    return SecretString;
  } finally {
    client.destroy();
  }
}
