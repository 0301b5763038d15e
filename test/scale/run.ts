/**
 * `npm run scale`: at which rates the service reaches the limits of DynamoDB, Lambda and the gateway. It runs every
 * operation once on the embedded engine, captures the partitions and units that its calls use, and simulates requests of
 * many projects against a model of these limits. No load, no account.
 */
import { readSynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { synthesize } from '../../infra/local/template/synthesize.ts';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { runCommand } from '../../infra/usage-error.ts';
import { tableFromTemplate } from '../../infra/local/dynamodb/table-from-template.ts';
import { aligned } from '../bench/figures.ts';
import { startInProcess } from '../bench/in-process.ts';
import { storedItems } from '../support/stored-items.ts';
import { collectionBytes, indexesOf, maxCollectionBytes } from './capacity.ts';
import { unitsOfDemand } from './demand.ts';
import { findSaturations, type Partitioning, type Population } from './simulation.ts';
import { captureOperations, operations, routeLimit, type CapturedOperation } from './workload.ts';

const sizes = [10, 1_000, 100_000] as const;
const imagesPerOwner = 20;
/** Limits that are shown for each size, one behind the other. */
const shown = 5;

const many = 100_000;
const everyone: Population = { callers: many, owners: many, imagesPerOwner };
const oneCaller: Population = { ...everyone, callers: 1 };
const oneOwner: Population = { ...everyone, owners: 1 };
const oneImage: Population = { ...oneOwner, imagesPerOwner: 1 };

/** One operation alone, and the projects and images that it is about. */
const single: readonly (readonly [title: string, operation: string, population: Population])[] = [
  ['lists of many projects', 'list images', everyone],
  ['lists of one project', 'list images', oneCaller],
  ['creations of many projects', 'create image', everyone],
  ['creations of one project', 'create image', oneOwner],
  ['answers of many projects', 'answer offer', everyone],
  ['answers of one project', 'answer offer', oneCaller],
  ['offers of many projects', 'offer image', everyone],
  ['offers of one image', 'offer image', oneImage],
  ['one image shown', 'show image', oneImage],
  ['members of one image listed, 128', 'list members, 128', oneImage],
];

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

/** Returns what an operation uses, as lines of a table. */
const demandRows = (captured: readonly CapturedOperation[]) =>
  captured.map(({ operation, demand }) => [
    operation.title,
    String(operation.perHour),
    String(demand.roundTrips),
    String(unitsOfDemand(demand)),
    String(demand.engineUnits),
    String(demand.notifications),
    String(Math.max(...demand.partitions.map(({ reads }) => reads))),
    String(Math.max(...demand.partitions.map(({ writes }) => writes))),
  ]);

async function main(): Promise<void> {
  const stack = readSynthesizedStack(await synthesize(console.error));
  const world = await startInProcess(stack);
  try {
    console.error('Capturing what each operation uses …');
    const { captured, placeholders } = await captureOperations({ ...world, send: world.sendRecorded });
    console.log(
      aligned([
        ['Operation', 'per hour', 'round trips', 'units', 'engine', 'events', 'most reads', 'most writes'],
        ...demandRows(captured),
      ]),
    );
    console.log('\n"most" is of one partition. "engine" are units as the engine counts them.\n');

    const indexes = indexesOf(tableFromTemplate(stack));
    const items = await storedItems(world.table);
    const fit = (prefix: string, key: RegExp): string => {
      const bytes = items
        .filter((item) => String(item['pk']).startsWith(prefix) && key.test(String(item['sk'])))
        .map((item) => collectionBytes(item, indexes));
      const largest = Math.max(...bytes);
      return `${whole(largest)} bytes, ${whole(maxCollectionBytes / largest)} in an item collection`;
    };
    console.log(`A membership takes ${fit('PROJECT#', /^SHARED#/)}.`);
    console.log(`A public image's list entry takes ${fit('EVERYONE#', /^IMAGE#/)}.\n`);

    const settings = { routeLimit: routeLimit(stack) };
    const saturations = (title: string, shares: Record<string, number>, population: Population) => {
      console.error(`Simulating ${title} …`);
      return (['adapted', 'new'] as const satisfies readonly Partitioning[]).flatMap((partitioning) => {
        const scenario = { shares, population, partitioning, ...settings };
        return findSaturations(captured, placeholders, scenario, partitioning === 'new' ? 2 : shown).map(
          ({ label, perSecond }) => ({ partitioning, label, perSecond }),
        );
      });
    };

    const mix = Object.fromEntries(operations.map(({ title, perHour }) => [title, perHour]));
    const perHour = operations.reduce((sum, each) => sum + each.perHour, 0);
    const bySize = sizes.flatMap((projects) => {
      const expected = (projects * perHour) / 3600;
      const population = { callers: projects, owners: projects, imagesPerOwner };
      return saturations(`${projects} projects`, mix, population).map(({ partitioning, label, perSecond }) => [
        whole(projects),
        partitioning,
        label,
        whole(perSecond),
        whole((perSecond * (mix['list images'] ?? 0)) / perHour),
        `× ${(perSecond / expected).toFixed(1)}`,
      ]);
    });
    console.log(aligned([['Projects', 'table', 'limit', 'requests/s', 'lists/s', 'of busy hour'], ...bySize]));

    const alone = single.flatMap(([title, operation, population]) =>
      saturations(title, { [operation]: 1 }, population).map(({ partitioning, label, perSecond }) => [
        title,
        partitioning,
        label,
        whole(perSecond),
      ]),
    );
    console.log(`\n${aligned([['One operation', 'table', 'limit', 'requests/s'], ...alone])}`);
  } finally {
    await world.stop();
  }
}

const usage = `Usage: npm run scale

Runs every operation once on the embedded engine, captures the units and partitions that its calls use, and simulates
requests of many projects against the limits of DynamoDB, Lambda and the gateway.`;

await runCommand(usage, async (args) => {
  parseArguments(args, {});
  await main();
});
