import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy, Stack, Stage, Validations } from 'aws-cdk-lib/core';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type CfnFunction,
  Code,
  Function as LambdaFunction,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { buildSync, type BuildOptions } from 'esbuild';
import { variables } from '../../lambda/functions/config.ts';
import { functionTimeoutSeconds } from '../../lambda/runtime/deadline.ts';
import { projectFolder } from '../project-folder.ts';

/** Subnets and security groups of a function that is attached to a VPC. */
interface NetworkProps {
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
}

/** Settings of every function of a stack. */
export interface FunctionOptions {
  /**
   * Bundles with the condition `local`, which alone makes the test identity importable. Never for a deployed stack.
   *
   * @default false
   */
  readonly local?: boolean;
  /**
   * Records traces of a sample of the invocations in X-Ray.
   *
   * @default false
   */
  readonly tracing?: boolean;
}

export interface ServiceFunctionProps extends FunctionOptions {
  /** Name of the file in `lambda/functions/` that exports `handler`, without its extension. */
  readonly entry: string;
  /**
   * Environment variables by name.
   *
   * @default - none
   */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Memory in MB. CPU is proportional to it: a whole CPU at 1,769 MB.
   *
   * @default 512 - the work is to parse short JSON and to sign one to three calls
   */
  readonly memorySize?: number;
  /**
   * Contents of files beside the code, by name.
   *
   * @default - none
   */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /**
   * Packages to exclude from the bundle, because the function's settings prevent their import.
   *
   * @default - none
   */
  readonly externalModules?: readonly string[];
  /**
   * Bundles the event streams of the SDK, which the client of S3 loads and no operation uses.
   *
   * @default false
   */
  readonly bundlesEventStreams?: boolean;
  /** @default - none: the function reaches public addresses only */
  readonly network?: NetworkProps | undefined;
  /** @default - none: all functions share the concurrency of the account */
  readonly reservedConcurrency?: number | undefined;
  /** @default {@link apiFunctionTimeout} */
  readonly timeout?: Duration;
  /**
   * Reason why the function needs no dead-letter queue of its own.
   *
   * @default - it is not invoked asynchronously
   */
  readonly withoutDeadLetterQueue?: string;
}

/**
 * Timeout of a function behind the API: less than the 30 s of API Gateway, so that the gateway passes on every
 * response, and more than the 20 s after which the function itself responds with 503.
 */
export const apiFunctionTimeout = Duration.seconds(functionTimeoutSeconds);

/**
 * A Lambda function of the service: bundled into one CommonJS file, with a log group and a role of its own that can
 * write to this log group only, until a grant adds more.
 */
export class ServiceFunction extends LambdaFunction {
  constructor(parent: Construct, id: string, props: ServiceFunctionProps) {
    // Contains the function, its log group and its role. CloudFormation derives the logical ids from this path, and
    // another id would replace a deployed function.
    const scope = new Construct(parent, id);
    const logGroup = new LogGroup(scope, 'Log', {
      // Long enough to investigate a complaint, short enough not to store requests permanently.
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // The default role of CDK has a managed policy that allows writing to every log of the account.
    const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    if (props.network) allowVpcAttachment(role);

    super(scope, 'Function', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(bundle(scope, props)),
      role,
      logGroup,
      tracing: props.tracing === true ? Tracing.ACTIVE : Tracing.DISABLED,
      memorySize: props.memorySize ?? 512,
      timeout: props.timeout ?? apiFunctionTimeout,
      environment: { [variables.stackName]: Stack.of(scope).stackName, ...props.environment },
      // A rollback moves the alias to an earlier version. CloudFormation would delete each version that the template no
      // longer contains.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
    });
    // The role contains the function's own policy.
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'The policy belongs to one role and names the resources of one function; nothing else can share it.',
    });
    for (const id of ['Serverless-LambdaDLQ', 'NIST.800.53.R5-LambdaDLQ']) {
      Validations.of(this).acknowledge({
        id,
        reason:
          props.withoutDeadLetterQueue ??
          'It is not invoked asynchronously: the gateway waits for the response, and event sources have a dead-letter queue.',
      });
    }
    if (props.network === undefined) {
      Validations.of(this).acknowledge({
        id: 'NIST.800.53.R5-LambdaInsideVPC',
        reason:
          'It calls public AWS endpoints over TLS with its own role; a VPC would protect no resource of the stack.',
      });
    }
    if (props.tracing === true) {
      Validations.of(role).acknowledge({
        id: 'AwsSolutions-IAM5[Resource::*]',
        reason: 'The actions that send traces support no resource-level permissions.',
      });
    }
    if (props.network) {
      // `FunctionProps.vpc` requires more details of the network than the function needs.
      (this.node.defaultChild as CfnFunction).vpcConfig = {
        subnetIds: [...props.network.subnetIds],
        securityGroupIds: [...props.network.securityGroupIds],
      };
    }
  }
}

/** Modules of the SDK that `bundled-sdk.ts` replaces. */
const replacedModules = ['@aws-sdk/credential-provider-node', '@aws-sdk/endpoint-cache'];

/** Allows Lambda to attach a function to a VPC. These actions support no resource-level permissions. */
function allowVpcAttachment(role: Role): void {
  role.addToPolicy(
    new PolicyStatement({
      actions: [
        'ec2:AssignPrivateIpAddresses',
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:UnassignPrivateIpAddresses',
      ],
      resources: ['*'],
    }),
  );
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'Lambda creates the network interfaces of a function, so their names are unknown before.',
  });
}

/** Bundles an entry point with esbuild and returns the folder that contains only the bundle and its files. */
function bundle(scope: Construct, props: ServiceFunctionProps): string {
  const { entry, local = false, files = {}, externalModules = [], bundlesEventStreams = false } = props;
  const assembly = Stage.of(scope)?.outdir;
  if (assembly === undefined)
    throw new Error(
      'A ServiceFunction must be in an App, because its bundle is written to the output folder of the app.',
    );
  const folder = join(assembly, 'bundles', entry);
  const common: BuildOptions = {
    absWorkingDir: projectFolder,
    platform: 'node',
    target: 'node24',
    bundle: true,
    mainFields: ['module', 'main'],
    // esbuild's default is `module` only if no condition is set.
    conditions: local ? ['module', 'local'] : ['module'],
    logLevel: 'error',
  };
  // The first step keeps the function names of the service's own code for stack traces. The second step minifies the
  // names of packages: to restore a name for each of the SDK's closures takes longer than the SDK's own work.
  const own = buildSync({
    ...common,
    entryPoints: [join('lambda', 'functions', `${entry}.ts`)],
    packages: 'external',
    format: 'esm',
    keepNames: true,
    write: false,
  });
  buildSync({
    ...common,
    stdin: { contents: own.outputFiles[0]!.text, resolveDir: projectFolder, sourcefile: `${entry}.js` },
    outfile: join(folder, 'index.js'),
    // CommonJS starts faster than a module.
    format: 'cjs',
    minify: true,
    // `import('node:http')` would load Node's ESM loader and fetch; `require` does not.
    supported: { 'dynamic-import': false },
    alias: Object.fromEntries(replacedModules.map((name) => [name, join(import.meta.dirname, 'bundled-sdk.ts')])),
    // No operation of these functions has an event stream.
    external: [...(bundlesEventStreams ? [] : ['@smithy/core/event-streams']), ...externalModules],
  });
  // Overrides the `"type": "module"` of this project's package.json.
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}
