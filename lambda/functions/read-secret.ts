/**
 * Reads the text of a secret from AWS Secrets Manager.
 *
 * @param arn - of the secret, which the function's role has to be allowed to read
 */
export async function readSecret(arn: string): Promise<string> {
  // Only here, for only one kind of identity has a secret: the others do not pay for the client at each cold start.
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient({});
  try {
    const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    return SecretString;
  } finally {
    client.destroy();
  }
}
