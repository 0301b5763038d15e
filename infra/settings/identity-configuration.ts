import { readFileSync } from 'node:fs';
import { Grant } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Role } from '../../lambda/domain/caller.ts';
import { identityVariables, isHttpsOrLoopback, loadIdentitySettings } from '../../lambda/identity/settings.ts';
import { invalidSetting } from './invalid-setting.ts';
import { UsageError } from '../usage-error.ts';

/** JSON Web Tokens of an OpenID Connect issuer, such as Amazon Cognito. The functions verify them without a call. */
interface JwtIdentityProps {
  readonly kind: 'jwt';
  /** Exact `iss` of the tokens, such as `https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_…`. */
  readonly issuer: string;
  /** Required audience of the tokens. */
  readonly audience: string;
  /**
   * Claim that contains the audience.
   *
   * @default 'aud' - access tokens of Cognito use `client_id`
   */
  readonly audienceClaim?: string;
  /**
   * URL of the issuer's key set.
   *
   * @default - from its `/.well-known/openid-configuration`
   */
  readonly keySetUrl?: string;
  /**
   * Accepted signature algorithms.
   *
   * @default - all algorithms with a private key
   */
  readonly algorithms?: readonly string[];
  /** @default 'project_id' */
  readonly projectClaim?: string;
  /** @default 'sub' */
  readonly userClaim?: string;
  /** @default 'roles' */
  readonly rolesClaim?: string;
  /**
   * Roles by the issuer's name for them. Other names are ignored.
   *
   * @default - manager, member and reader by these names; no admin
   */
  readonly roleMap?: Readonly<Record<string, Role>>;
  /**
   * Timeout of a call to the issuer, 1 to 10 s.
   *
   * @default 5
   */
  readonly timeoutSeconds?: number;
}

/** Tokens of an OpenStack Keystone. The functions call it to verify each token. */
interface KeystoneIdentityProps {
  readonly kind: 'keystone';
  /** URL of version 3 of the identity API, such as `https://identity.example.org/v3`. */
  readonly authUrl: string;
  /**
   * Complete ARN of the secret in Secrets Manager with the service account for calls to Keystone.
   *
   * @default - each call authenticates with the token that it verifies
   */
  readonly accountSecretArn?: string;
  /**
   * Path of a local PEM file with the only certificate authorities that Keystone's certificate may have.
   *
   * @default - the public certificate authorities
   */
  readonly certificateFile?: string;
  /**
   * Seconds to cache a valid token, 0 to 300.
   *
   * @default 300
   */
  readonly cacheSeconds?: number;
  /**
   * Timeout of a call to Keystone, 1 to 10 s.
   *
   * @default 5
   */
  readonly timeoutSeconds?: number;
}

/** Token verifier of a stack. `none` refuses every token; `dev` is for the local server only. */
export type IdentityProps = 'none' | 'dev' | JwtIdentityProps | KeystoneIdentityProps;

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
 * @throws UsageError if a setting has an unusable value
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
  if (typeof props === 'string') return withoutPermissions;

  const urls = props.kind === 'jwt' ? [props.issuer, props.keySetUrl] : [props.authUrl];
  for (const url of urls) {
    if (url && !isHttpsOrLoopback(url)) throw new UsageError(`The identity URL must use https; got ${url}.`);
  }
  if (props.kind === 'jwt') return withoutPermissions;

  const { accountSecretArn, certificateFile } = props;
  if (accountSecretArn !== undefined && !isCompleteSecretArn(accountSecretArn)) {
    throw invalidSetting(
      'accountSecretArn',
      'the complete ARN of a secret, arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>',
      accountSecretArn,
    );
  }
  return {
    environment,
    externalModules: accountSecretArn === undefined ? [secretsClient] : [],
    files: certificateFile === undefined ? {} : { [certificateFileName]: readCertificate(certificateFile) },
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

function readCertificate(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new UsageError(`"certificateFile" must be a readable file; reading ${file} failed with ${reason}.`, {
      cause: error,
    });
  }
}

/** Returns true for the complete ARN of a secret, which ends in six characters chosen by Secrets Manager. */
export const isCompleteSecretArn = (text: string): boolean =>
  /^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]+-\w{6}$/.test(text);

function environmentOf(props: IdentityProps): Readonly<Record<string, string>> {
  if (typeof props === 'string') return { [identityVariables.kind]: props };
  const values: Partial<Record<keyof typeof identityVariables, string | undefined>> =
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
