/** `npm run restore`: restores the data of a stage into a new table, or adopts an existing table, with one deployment. */
import { stageOptions, stageUsage } from '../settings/load-stage.ts';
import { parseArguments } from '../parse-arguments.ts';
import { ArgumentError, runCommand, UsageError } from '../usage-error.ts';
import { confirm } from './confirm.ts';
import { type RecoverySource, restoreTable } from './stateful/restore-table.ts';
import { stageCommands } from './aws/stage-commands.ts';

const usage = `Usage: npm run restore -- ${stageUsage} (--at <time>|latest | --backup <ARN> | --table <name>) [--yes]

Restores the data of a stage into a new table, or takes an existing table, and deploys the stage with it.

  --at      restores the stage's table as of a time such as 2026-11-29T10:15:00Z, or as of the latest restorable time
  --backup  restores a backup of DynamoDB
  --table   adopts an existing table: after a restore that was interrupted, or after the stack was destroyed
  --yes     starts without a confirmation`;

const text = { type: 'string' } as const;
const options = { ...stageOptions, at: text, backup: text, table: text, yes: { type: 'boolean' } } as const;

await runCommand(usage, async (args) => {
  const { at, backup, table, yes = false, ...selection } = parseArguments(args, options).values;
  const source = parseSource(at, backup, table);
  const commands = await stageCommands(selection);
  const tableName = await restoreTable(commands, source, {
    report: console.log,
    confirm: () => (yes ? Promise.resolve(true) : confirm('stage', commands.stage, 'start')),
  });
  if (tableName === undefined) {
    console.log('Nothing was changed.');
    return;
  }
  console.log(`Add this line to the settings of the stage; each later deployment requires it:
  restoredTable: '${tableName}',
Then follow docs/runbook/restore.md, section "Afterwards".`);
});

/** @throws UsageError if there is not exactly one source, or it is invalid */
function parseSource(at?: string, backupArn?: string, tableName?: string): RecoverySource {
  if ([at, backupArn, tableName].filter((source) => source !== undefined).length !== 1) {
    throw new ArgumentError('A restore requires one of "--at", "--backup" and "--table".');
  }
  if (backupArn !== undefined) return { backupArn };
  if (tableName !== undefined) {
    if (/^[\w.-]{3,255}$/.test(tableName)) return { tableName };
    throw new UsageError(`"--table" must be the name of a table; got ${JSON.stringify(tableName)}.`);
  }
  if (at === 'latest') return { at };
  // Without a zone, the time would be of the zone of this machine.
  if (
    at !== undefined &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(at) &&
    !Number.isNaN(Date.parse(at))
  ) {
    return { at: new Date(at) };
  }
  throw new UsageError(`"--at" must be latest or a time such as 2026-11-29T10:15:00Z; got ${JSON.stringify(at)}.`);
}
