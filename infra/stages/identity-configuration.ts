import { readFileSync } from 'node:fs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Role } from '../../lambda/domain/caller.ts';
import { identityVariables, isHttpsOrLoopback, loadIdentitySettings } from '../../lambda/identity/settings.ts';
import { UsageError } from '../usage-error.ts';

/** Tokens of an OpenID Connect issuer, Amazon Cognito among them, verified by the functions themselves. */
interface JwtIdentityProps {
  readonly kind: 'jwt';
  /** The `iss` of its tokens, to the letter, such as `https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_…`. */
  readonly issuer: string;
  /** What a token has to be meant for. */
  readonly audience: string;
  /**
   * The claim that says what a token is meant for.
   *
   * @default 'aud' - the access tokens of Cognito have `client_id`
   */
  readonly audienceClaim?: string;
  /**
   * Where the issuer's keys are.
   *
   * @default - what its `/.well-known/openid-configuration` says
   */
  readonly keySetUrl?: string;
  /**
   * The signatures that are believed.
   *
   * @default - all those by a private key
   */
  readonly algorithms?: readonly string[];
  /** @default 'project_id' */
  readonly projectClaim?: string;
  /** @default 'sub' */
  readonly userClaim?: string;
  /** @default 'roles' */
  readonly rolesClaim?: string;
  /**
   * The issuer's names of the roles. If given, no other name counts.
   *
   * @default - manager, member and reader are their own names, and there is no admin
   */
  readonly roleMap?: Readonly<Record<string, Role>>;
  /**
   * Time that the issuer has for a response, 1 to 10 s.
   *
   * @default 5
   */
  readonly timeoutSeconds?: number;
}

/** Tokens of an OpenStack Keystone, which is asked about each. */
interface KeystoneIdentityProps {
  readonly kind: 'keystone';
  /** The identity API's version 3, such as `https://identity.example.org/v3`. */
  readonly authUrl: string;
  /**
   * The complete ARN of the secret in Secrets Manager that holds the account Keystone is asked with.
   *
   * @default - each token asks for itself
   */
  readonly accountSecretArn?: string;
  /**
   * A file on this machine, in PEM: the only authorities that may vouch for Keystone.
   *
   * @default - the public ones
   */
  readonly certificateFile?: string;
  /**
   * How long a valid token is believed without asking again, 0 to 300 s.
   *
   * @default 300
   */
  readonly cacheSeconds?: number;
  /**
   * Time that Keystone has for a response, 1 to 10 s.
   *
   * @default 5
   */
  readonly timeoutSeconds?: number;
}

/** Whose tokens a stack believes. `none` refuses every token; `dev` is for the local server only. */
export type IdentityProps = 'none' | 'dev' | JwtIdentityProps | KeystoneIdentityProps;

/** What reads an account that is kept in a secret. */
const secretsClient = '@aws-sdk/client-secrets-manager';

/** Where a file of certificates is in a deployed function. */
const certificateFileName = 'identity-ca.pem';

/** What the functions have to be given so that they know their callers. */
export interface IdentityConfiguration {
  readonly environment: Readonly<Record<string, string>>;
  /** Contents of files beside the code, by name. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Packages that this identity has no use for. */
  readonly externalModules: readonly string[];
  /** Allows a function what it needs to know its callers. */
  grant(fn: LambdaFunction): void;
}

/**
 * Turns the choice of an identity into what functions are given.
 *
 * @throws Refusal with a sentence that says what cannot be used
 */
export function identityConfiguration(props: IdentityProps): IdentityConfiguration {
  const environment = environmentOf(props);
  const faults: string[] = [];
  loadIdentitySettings(environment, faults);
  if (faults.length > 0) throw new UsageError(`The identity cannot be used: ${faults.join('; ')}.`);
  const simple = { environment, files: {}, externalModules: [secretsClient], grant: () => undefined };
  if (typeof props === 'string') return simple;

  const address = props.kind === 'jwt' ? props.issuer : props.authUrl;
  for (const url of [address, ...(props.kind === 'jwt' && props.keySetUrl ? [props.keySetUrl] : [])]) {
    if (!isHttpsOrLoopback(url)) throw new UsageError(`The identity URL must use https; got ${url}.`);
  }
  if (props.kind === 'jwt') return simple;

  const { accountSecretArn, certificateFile } = props;
  if (accountSecretArn !== undefined && !isCompleteSecretArn(accountSecretArn)) {
    throw new UsageError(
      `${JSON.stringify(accountSecretArn)} is not the complete ARN of a secret: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>.`,
    );
  }
  return {
    environment,
    externalModules: accountSecretArn === undefined ? [secretsClient] : [],
    files: certificateFile === undefined ? {} : { [certificateFileName]: readCertificate(certificateFile) },
    grant: (fn) => {
      if (accountSecretArn === undefined) return;
      fn.addToRolePolicy(
        new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [accountSecretArn] }),
      );
    },
  };
}

function readCertificate(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new UsageError(`The file ${file} of -c certificateFile= cannot be read (${reason}).`, { cause: error });
  }
}

/** Whether a text is the ARN of a secret as Secrets Manager gives it, with the six characters at its end. */
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
  const given = Object.entries(values).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[identityVariables[name as keyof typeof identityVariables], value]],
  );
  return { [identityVariables.kind]: props.kind, ...Object.fromEntries(given) };
}
