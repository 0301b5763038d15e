/**
 * `npm run bootstrap | synth | diff | deploy | destroy`: runs the CDK command line of this project for a stage. `deploy`
 * prints the settings before it starts.
 */
import { join } from 'node:path';
import { projectFolder } from '../project-folder.ts';
import { describeStage } from '../settings/describe-stage.ts';
import { loadStage, stageOptions, stageUsage, type StageWithSettings } from '../settings/load-stage.ts';
import { parseArguments } from '../parse-arguments.ts';
import { runCommand, UsageError } from '../usage-error.ts';
import { assertIsBootstrapped, findTarget } from './aws/find-target.ts';
import { appCommand, runCdk, type StageSelection } from './aws/run-cdk.ts';
import { confirm } from './confirm.ts';
import { emptyBucket } from './image-data/empty-bucket.ts';
import { allowOption, allowUsage, assertStatefulResourcesAreKept, parseAllowed } from './stateful/stateful-guard.ts';

const purposes = {
  bootstrap: 'Prepares the account and region of a stage for deployments, once.',
  synth: 'Writes the CloudFormation template of a stage to cdk.out/stages/<stage>. Requires no account.',
  diff: 'Compares the template of a stage with its deployed stack.',
  deploy:
    'Creates or updates the stack of a stage. A production stage keeps its stateful resources, except for those of --allow.',
  destroy: 'Deletes the stack of a stage with its data. A production stage keeps its table and its image data.',
} as const;
type Command = keyof typeof purposes;
const commands = Object.keys(purposes) as readonly Command[];

const [command = ''] = process.argv.splice(2, 1);
/** Options of the command. */
const options = command === 'deploy' ? { ...stageOptions, ...allowOption } : stageOptions;

const usage = [
  `Usage: npm run ${command} -- ${stageUsage}${command === 'deploy' ? ` ${allowUsage}` : ''} [-- <options of the CDK command line>]`,
  commands.includes(command as Command) ? purposes[command as Command] : `The commands are ${commands.join(', ')}.`,
  'The stages are the files in infra/stages; any other stage has its settings in the JSON file of --settings.',
].join('\n');

await runCommand(usage, async (args) => {
  if (!commands.includes(command as Command)) throw new UsageError(usage);
  const { selection, ...others } = parseOptions(args);
  const stage = await loadStage(selection);
  await run(command as Command, stage, appCommand(selection), others);
});

interface Arguments {
  readonly selection: StageSelection;
  /** Logical ids of stateful resources that a deployment may lose. */
  readonly allow: readonly string[];
  readonly cdkOptions: readonly string[];
}

/** @throws ArgumentError for an unknown option */
function parseOptions(args: readonly string[]): Arguments {
  const end = args.indexOf('--');
  const { values } = parseArguments(end === -1 ? args : args.slice(0, end), options);
  const { stage, settings, allow } = values as Readonly<Partial<Record<'stage' | 'settings' | 'allow', string>>>;
  return {
    selection: { stage, settings },
    allow: parseAllowed(allow),
    cdkOptions: end === -1 ? [] : args.slice(end + 1),
  };
}

async function run(
  name: Command,
  stage: StageWithSettings,
  app: string,
  { cdkOptions, allow }: Pick<Arguments, 'cdkOptions' | 'allow'>,
): Promise<void> {
  const assembly = join(projectFolder, 'cdk.out', 'stages', stage.stage);
  const synthesize = (): Promise<void> => runCdk('synth', '--app', app, '--output', assembly, '--quiet');
  switch (name) {
    case 'synth':
      await synthesize();
      console.log(`The template is ${join(assembly, 'ImageSharing.template.json')}`);
      return;
    case 'bootstrap': {
      const { account, region } = await findTarget(stage);
      await runCdk('bootstrap', `aws://${account}/${region}`, '--app', app, '--output', assembly, ...cdkOptions);
      return;
    }
    case 'diff':
      await findTarget(stage);
      await runCdk('diff', '--app', app, '--output', assembly, ...cdkOptions);
      return;
    case 'deploy': {
      const target = await findTarget(stage);
      await assertIsBootstrapped(stage, target);
      console.log(describeStage(stage, target));
      await synthesize();
      if (stage.settings.production)
        await assertStatefulResourcesAreKept({ stackName: stage.stackName, assembly, allow });
      await runCdk('deploy', '--all', '--app', assembly, ...cdkOptions);
      return;
    }
    case 'destroy':
      await findTarget(stage);
      if (!stage.settings.production && !(await deleteImageData(stage, cdkOptions))) {
        console.log('Nothing was changed.');
        return;
      }
      await runCdk('destroy', '--all', '--app', app, '--output', assembly, ...cdkOptions);
      return;
  }
}

/** Deletes the image data of a stage. Returns false if the operator does not confirm. */
function deleteImageData({ stackName, stage }: StageWithSettings, cdkOptions: readonly string[]): Promise<boolean> {
  // The option with which the CDK deletes a stack without a confirmation.
  const isConfirmed = cdkOptions.includes('--force') || cdkOptions.includes('-f');
  return emptyBucket(
    stackName,
    () => (isConfirmed ? Promise.resolve(true) : confirm('stage', stage, 'delete the image data', '"-- --force"')),
    console.log,
  );
}
