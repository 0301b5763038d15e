/** `npm run guard`: refuses a deployment that would replace, delete or orphan a stateful resource of a stage. */
import { parseArguments } from '../parse-arguments.ts';
import { loadStage, stageOptions, stageUsage } from '../settings/load-stage.ts';
import { runCommand } from '../usage-error.ts';
import { stageCommands } from './aws/stage-commands.ts';
import { allowOption, allowUsage, assertStatefulResourcesAreKept, parseAllowed } from './stateful/stateful-guard.ts';

const usage = `Usage: npm run guard -- ${stageUsage} ${allowUsage}`;

await runCommand(usage, async (args) => {
  const { allow, ...selection } = parseArguments(args, { ...stageOptions, ...allowOption }).values;
  const { stackName } = await loadStage(selection);
  const assembly = await (await stageCommands(selection)).synthesize();
  await assertStatefulResourcesAreKept({ stackName, assembly, allow: parseAllowed(allow) });
  console.log(`The deployment keeps the stateful resources of the stack "${stackName}".`);
});
