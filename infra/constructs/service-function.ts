import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy, Stage, Validations } from 'aws-cdk-lib/core';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type CfnFunction, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { buildSync, type BuildOptions } from 'esbuild';
import { functionTimeoutSeconds } from '../../lambda/runtime/deadline.ts';
import { projectFolder } from '../project-folder.ts';

/** Where a function is attached to a network of one's own. */
export interface NetworkProps {
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
}

export interface ServiceFunctionProps {
  /** The file in `lambda/functions/` that exports `handler`, without its extension. */
  readonly entry: string;
  /** The function's environment variables by name. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Bundles with the condition `local`, which alone makes the test identity importable. Never for a deployed stack.
   *
   * @default false
   */
  readonly local?: boolean;
  /**
   * In megabytes; processor time comes with it.
   *
   * @default 512
   */
  readonly memoryMegabytes?: number;
  /**
   * Contents of files beside the code, by name.
   *
   * @default - none
   */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /**
   * Packages that the function imports only on a way that its settings keep it from; they stay out of its bundle.
   *
   * @default - none
   */
  readonly externalModules?: readonly string[];
  /** @default - none: the function reaches what is public */
  readonly network?: NetworkProps | undefined;
  /** @default - what the account has, shared with every other function */
  readonly reservedConcurrency?: number | undefined;
  /**
   * How long an invocation may take, in seconds.
   *
   * @default 25 - what a function behind the gateway may take
   */
  readonly timeoutSeconds?: number;
}

/**
 * A function behind the API, or behind a queue or a stream: bundled into one CommonJS file with all it imports, with a role of its own that may write
 * to its own log and nothing else until something is granted to it.
 */
export class ServiceFunction extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: ServiceFunctionProps) {
    super(scope, id);

    const logGroup = new LogGroup(this, 'Log', {
      // Long enough to look into a complaint, short enough that nobody's requests are kept for good.
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // Instead of the role that CDK would make: its managed policy allows writing to every log of the account.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    if (props.network) allowVpcAttachment(role);

    this.function = new LambdaFunction(this, 'Function', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(bundle(this, props)),
      role,
      logGroup,
      // CPU comes with memory, a whole one at 1,769 MB. The work is parsing short JSON and signing one to three calls.
      memorySize: props.memoryMegabytes ?? 512,
      // Below the 30 s after which the gateway gives up, so that an answer is never lost on its way out, and above
      // the 20 s within which a function answers 503 itself.
      timeout: Duration.seconds(props.timeoutSeconds ?? functionTimeoutSeconds),
      environment: props.environment,
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
    });
    if (props.network) {
      // Not the construct's own property, which wants to know more of the network than the function does.
      (this.function.node.defaultChild as CfnFunction).vpcConfig = {
        subnetIds: [...props.network.subnetIds],
        securityGroupIds: [...props.network.securityGroupIds],
      };
    }
  }
}

/** The modules of the SDK that `bundled-sdk.ts` stands in for. */
const replacedModules = ['@aws-sdk/credential-provider-node', '@aws-sdk/endpoint-cache'];

/** What Lambda needs to attach a function to a network; these actions are not for single resources. */
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
    reason: 'Lambda makes the interfaces of a function, which cannot be named before they are there.',
  });
}

/** Bundles an entry point with esbuild and returns the folder that holds it and nothing else. */
function bundle(scope: Construct, props: ServiceFunctionProps): string {
  const { entry, local = false, files = {}, externalModules = [] } = props;
  const assembly = Stage.of(scope)?.outdir;
  if (assembly === undefined) throw new Error('Bundles go into the folder of an App, and this stack is in none.');
  const folder = join(assembly, 'bundles', entry);
  const common: BuildOptions = {
    absWorkingDir: projectFolder,
    platform: 'node',
    target: 'node24',
    bundle: true,
    mainFields: ['module', 'main'],
    // `module` is esbuild's default as long as no other condition is named.
    conditions: local ? ['module', 'local'] : ['module'],
    logLevel: 'error',
  };
  // First the service's own code with the names of its functions, which stack traces show. The packages come without:
  // the SDK makes dozens of closures for each call, and to name each again takes longer than the SDK's own work.
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
    // Not a module, because it starts faster.
    format: 'cjs',
    minify: true,
    // `import('node:http')` would load Node's ESM loader and fetch; `require` does not.
    supported: { 'dynamic-import': false },
    alias: Object.fromEntries(replacedModules.map((name) => [name, join(import.meta.dirname, 'bundled-sdk.ts')])),
    // No operation of these functions has an event stream.
    external: ['@smithy/core/event-streams', ...externalModules],
  });
  // So that the file is what it is wherever it is unpacked: this project's own package.json says "module".
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}
