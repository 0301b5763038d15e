import { readFileSync } from 'node:fs';
import { Grant } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { identityVariables, loadIdentitySettings } from '../../lambda/identity/settings.ts';
import { UsageError } from '../usage-error.ts';
import type { StageSettings } from './stage-settings.ts';

/** Token verifier of a stack. `none` refuses every token; `dev` is for the local server only. */
export type IdentityProps = NonNullable<StageSettings['identity']> | { readonly kind: 'dev' };

/** Package that reads the service account from its secret. */
const secretsClient = '@aws-sdk/client-secrets-manager';

/** Name of the certificate file beside the code of a function. */
const certificateFileName = 'identity-ca.pem';

/** Configuration of the functions that verify tokens. */
export interface IdentityConfiguration {
  readonly environment: Readonly<Record<string, string>>;
  /** Contents of files beside the code by name. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Packages to exclude from the bundle, because this identity does not use them. */
  readonly externalModules: readonly string[];
  /** Grants a function the permissions that it needs to verify tokens. */
  grantVerifyTokens(fn: IFunction): void;
}

/**
 * Returns the configuration of the functions for an identity.
 *
 * @throws UsageError if the functions could not load a setting
 */
export function identityConfiguration(props: IdentityProps): IdentityConfiguration {
  const environment = environmentOf(props);
  const problems: string[] = [];
  loadIdentitySettings(environment, problems);
  if (problems.length > 0) throw new UsageError(`The identity settings are invalid: ${problems.join('; ')}.`);
  const withoutPermissions = {
    environment,
    files: {},
    externalModules: [secretsClient],
    grantVerifyTokens: () => undefined,
  };
  if (props.kind !== 'keystone') return withoutPermissions;

  const { accountSecretArn, certificateFile } = props;
  return {
    environment,
    externalModules: accountSecretArn === undefined ? [secretsClient] : [],
    files: certificateFile === undefined ? {} : { [certificateFileName]: readFileSync(certificateFile) },
    grantVerifyTokens: (fn) => {
      if (accountSecretArn === undefined) return;
      // `ISecret.grantRead` would also allow the function to describe the secret.
      Grant.addToPrincipal({
        grantee: fn,
        actions: ['secretsmanager:GetSecretValue'],
        resourceArns: [accountSecretArn],
      });
    },
  };
}

function environmentOf(props: IdentityProps): Readonly<Record<string, string>> {
  if (props.kind === 'none' || props.kind === 'dev') return { [identityVariables.kind]: props.kind };
  const values: Readonly<Record<string, string | undefined>> =
    props.kind === 'jwt'
      ? {
          jwtIssuer: props.issuer,
          jwtAudience: props.audience,
          jwtAudienceClaim: props.audienceClaim,
          jwtKeySetUrl: props.keySetUrl,
          jwtAlgorithms: props.algorithms?.join(),
          jwtProjectClaim: props.projectClaim,
          jwtUserClaim: props.userClaim,
          jwtRolesClaim: props.rolesClaim,
          jwtRoleMap:
            props.roleMap &&
            Object.entries(props.roleMap)
              .map((pair) => pair.join('='))
              .join(),
          timeoutSeconds: props.timeoutSeconds?.toString(),
        }
      : {
          keystoneUrl: props.authUrl,
          keystoneAccountSecret: props.accountSecretArn,
          keystoneCertificateFile: props.certificateFile && `/var/task/${certificateFileName}`,
          keystoneCacheSeconds: props.cacheSeconds?.toString(),
          timeoutSeconds: props.timeoutSeconds?.toString(),
        };
  const environment: Record<string, string> = { [identityVariables.kind]: props.kind };
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) environment[identityVariables[name as keyof typeof identityVariables]] = value;
  }
  return environment;
}
