/**
 * `npm run bootstrap | synth | diff | deploy | destroy`: runs the CDK command line of this project for a stage. `deploy`
 * prints the settings before it starts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { projectFolder } from '../project-folder.ts';
import { describeStage } from '../settings/describe-stage.ts';
import { loadStage, stageOptions, stageUsage, type StageWithSettings } from '../settings/load-stage.ts';
import { suggest } from '../suggestion.ts';
import { runCommand, UsageError } from '../usage-error.ts';
import { withUsageErrors } from './aws-errors.ts';

const purposes = {
  bootstrap: 'Prepares the account and region of a stage for deployments, once.',
  synth: 'Writes the CloudFormation template of a stage to cdk.out/stages/<stage>. Requires no account.',
  diff: 'Compares the template of a stage with its deployed stack.',
  deploy: 'Creates or updates the stack of a stage.',
  destroy: 'Deletes the stack of a stage. A production stage keeps its table.',
} as const;
type Command = keyof typeof purposes;
const commands = Object.keys(purposes) as readonly Command[];

const [command = ''] = process.argv.splice(2, 1);
const usage = [
  `Usage: npm run ${command} -- ${stageUsage} [-- <options of the CDK command line>]`,
  commands.includes(command as Command) ? purposes[command as Command] : `The commands are ${commands.join(', ')}.`,
  'The stages are the files in infra/stages; any other stage has its settings in the JSON file of --settings.',
].join('\n');

await runCommand(usage, async (args) => {
  if (!commands.includes(command as Command)) throw new UsageError(usage);
  const { options, cdkOptions } = parseOptions(args);
  const stage = await loadStage(options);
  await run(command as Command, stage, appCommand(options), cdkOptions);
});

interface Options {
  readonly stage?: string | undefined;
  readonly settings?: string | undefined;
}

/** @throws UsageError for an unknown option */
function parseOptions(args: readonly string[]): { readonly options: Options; readonly cdkOptions: readonly string[] } {
  const end = args.indexOf('--');
  const own = end === -1 ? args : args.slice(0, end);
  const { values, positionals } = parseArgs({
    args: [...own],
    options: stageOptions,
    strict: false,
    allowPositionals: true,
  });
  const [unknown] = Object.keys(values).filter((name) => !Object.hasOwn(stageOptions, name));
  if (unknown !== undefined) {
    const suggestion = suggest(unknown, Object.keys(stageOptions));
    const hint =
      suggestion === undefined ? 'write options of the CDK command line after "--"' : `did you mean "--${suggestion}"`;
    throw new UsageError(`"--${unknown}" is not an option of this command; ${hint}.\n${usage}`);
  }
  if (positionals[0] !== undefined)
    throw new UsageError(`${JSON.stringify(positionals[0])} is not an option.\n${usage}`);
  const textOf = (name: keyof Options) => (typeof values[name] === 'string' ? values[name] : undefined);
  return {
    options: { stage: textOf('stage'), settings: textOf('settings') },
    cdkOptions: end === -1 ? [] : args.slice(end + 1),
  };
}

/** Returns the shell command with which the CDK command line runs the app. */
function appCommand({ stage = '', settings }: Options): string {
  const words = [process.execPath, join(projectFolder, 'infra', 'app.ts'), '--stage', stage];
  const quoted = [...words, ...(settings === undefined ? [] : ['--settings', settings])].map(
    (word) => `'${word.replaceAll("'", String.raw`'\''`)}'`,
  );
  // `exec`, because the CDK removes quotes at the beginning and the end.
  return `exec ${quoted.join(' ')}`;
}

async function run(name: Command, stage: StageWithSettings, app: string, cdkOptions: readonly string[]): Promise<void> {
  const assembly = join(projectFolder, 'cdk.out', 'stages', stage.stage);
  const synthesize = (): Promise<void> => cdk('synth', '--app', app, '--output', assembly, '--quiet');
  switch (name) {
    case 'synth':
      await synthesize();
      console.log(`The template is ${join(assembly, 'ImageSharing.template.json')}`);
      return;
    case 'bootstrap': {
      const { account, region } = await findTarget(stage);
      await cdk('bootstrap', `aws://${account}/${region}`, '--app', app, '--output', assembly, ...cdkOptions);
      return;
    }
    case 'diff':
      await findTarget(stage);
      await cdk('diff', '--app', app, '--output', assembly, ...cdkOptions);
      return;
    case 'deploy': {
      const target = await findTarget(stage);
      console.log(describeStage(stage, target));
      await synthesize();
      await cdk('deploy', '--all', '--app', assembly, ...cdkOptions);
      return;
    }
    case 'destroy':
      await findTarget(stage);
      await cdk('destroy', '--all', '--app', app, '--output', assembly, ...cdkOptions);
      return;
  }
}

/**
 * Returns the account of the credentials and the region of the stage.
 *
 * @throws UsageError if credentials or region are missing, or the account or region is not the one of the settings
 */
async function findTarget({
  settings,
  source,
}: StageWithSettings): Promise<{ readonly account: string; readonly region: string }> {
  const client = new STSClient(settings.region === undefined ? {} : { region: settings.region });
  try {
    return await withUsageErrors(async () => {
      const region = await client.config.region();
      const { Account: account = '' } = await client.send(new GetCallerIdentityCommand({}));
      if (settings.account !== undefined && settings.account !== account) {
        throw new UsageError(
          `The credentials belong to the account ${account}, but "account" in ${source} is ${settings.account}; select other credentials, for example with AWS_PROFILE.`,
        );
      }
      return { account, region };
    });
  } finally {
    client.destroy();
  }
}

/** Runs the pinned CDK command line. @throws UsageError with its exit code if it fails; it prints its own messages */
async function cdk(...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(projectFolder, 'node_modules', 'aws-cdk', 'bin', 'cdk'), ...args], {
    cwd: projectFolder,
    stdio: 'inherit',
  });
  // Ctrl-C reaches the CDK too, which stops first.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  const [code] = (await once(child, 'close')) as [number | null];
  process.off('SIGINT', ignore);
  if (code !== 0) throw new UsageError(`"cdk ${args[0]}" failed; its messages are above.`);
}
