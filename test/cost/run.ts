/**
 * `npm run cost`: computes the cost of each operation and of a month from the units that the embedded engine counts and
 * the dated prices in `prices.json`, and writes the tables of docs/cost.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesize } from '../../infra/local/template/synthesize.ts';
import { readSynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { projectFolder } from '../../infra/project-folder.ts';
import { runCommand, UsageError } from '../../infra/usage-error.ts';
import { startInProcess } from '../bench/in-process.ts';
import { captureOperations } from '../scale/workload.ts';
import { storedItems } from '../support/stored-items.ts';
import { bytesOfRecords, usageOfOperations } from './cost.ts';
import { replaceTables, reportTables, toText } from './report.ts';

const usage = `Usage: npm run cost -- [--check]

Runs each operation once on the embedded engine, computes the costs, prints them and writes docs/cost.md.
--check compares the tables with docs/cost.md instead of writing them.`;

const file = join(projectFolder, 'docs', 'cost.md');

await runCommand(usage, async (args) => {
  const isCheck = parseArguments(args, { check: { type: 'boolean' } }).values.check ?? false;
  const stack = readSynthesizedStack(await synthesize(console.error));
  const world = await startInProcess(stack);
  try {
    const { captured } = await captureOperations({ ...world, send: world.sendRecorded });
    const records = bytesOfRecords(stack, await storedItems(world.table));
    const tables = reportTables(stack, usageOfOperations(stack, captured), records);
    console.log(toText(tables));

    const document = readFileSync(file, 'utf8');
    const updated = replaceTables(document, tables);
    if (isCheck && updated !== document) {
      throw new UsageError('The tables in docs/cost.md are outdated; run "npm run cost" and commit the file.');
    }
    if (!isCheck) writeFileSync(file, updated);
    console.log(`\ndocs/cost.md is ${updated === document ? 'up to date' : 'updated'}.`);
  } finally {
    await world.stop();
  }
});
