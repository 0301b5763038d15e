import { unitsOf } from '../support/engine-proxy.ts';
import { seedImages } from '../support/seed.ts';
import { figure, type Figure } from './figures.ts';
import type { InProcess } from './in-process.ts';
import type { Options } from './options.ts';
import { processTime } from './processor-time.ts';
import { runConcurrently, type ApiCall } from './requests.ts';

const table = 'A page of 25 images';
const few = 100;

/**
 * Measures a page of a list of many images beside a page of a list of 100: the calls and units of each, the processor
 * time of this process and of the engine, and the ratios of alternate slices.
 */
export async function measureGrowth(
  { direct, sendRecorded, proxy, enginePid, table: testTable }: InProcess,
  { rounds, requests, images }: Options,
  progress: (line: string) => void,
): Promise<readonly Figure[]> {
  const sizes = [few, images].map((count) => ({ count, title: `out of ${count}`, project: `owner-of-${count}` }));
  for (const { count, project } of sizes) {
    progress(`preparing ${count} images`);
    await seedImages(testTable, { owner: project, count });
  }

  const samples = sizes.map(({ title, project }) => {
    const call: ApiCall = { method: 'GET', path: '/v2/images?limit=25', project, subjects: [] };
    return { title, call, here: [] as number[], engine: [] as number[] };
  });
  const slice = async ({ call }: (typeof samples)[number]) => {
    const tasks = Array.from({ length: requests }, () => direct.prepared(call));
    const engineBefore = processTime(enginePid);
    const before = process.cpuUsage();
    await runConcurrently(tasks, 1, (task) => task());
    const { user, system } = process.cpuUsage(before);
    return {
      here: (user + system) / 1000 / requests,
      engine: (processTime(enginePid) - engineBefore) / requests,
    };
  };
  progress('measuring');
  for (const sample of samples) await slice(sample);
  for (let round = 0; round < rounds; round += 1) {
    for (const sample of round % 2 === 0 ? samples : samples.toReversed()) {
      const { here, engine } = await slice(sample);
      sample.here.push(here);
      sample.engine.push(engine);
    }
  }

  proxy.intercept(undefined);
  const figures: Figure[] = [];
  for (const { title, call, here, engine } of samples) {
    const { calls } = await proxy.record(() => sendRecorded(call));
    figures.push(
      figure(table, title, 'calls', [calls.length]),
      figure(table, title, 'units', [unitsOf(calls)]),
      figure(table, title, 'handler CPU ms', here),
      figure(table, title, 'engine CPU ms', engine),
    );
  }
  const [small, large] = samples as [(typeof samples)[number], (typeof samples)[number]];
  const ratio = (column: 'here' | 'engine') => large[column].map((value, round) => value / small[column][round]!);
  return [
    ...figures,
    figure(table, 'ratio', 'handler CPU ms', ratio('here')),
    figure(table, 'ratio', 'engine CPU ms', ratio('engine')),
  ];
}
