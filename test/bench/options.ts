import { join } from 'node:path';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { UsageError } from '../../infra/usage-error.ts';

/** How much is measured, and where the result goes. */
export interface Options {
  /** Names of the sections to run; undefined runs all of them. */
  readonly only: readonly string[] | undefined;
  /** Slices of requests for each figure: the figure is their median. */
  readonly rounds: number;
  /** Requests in one slice. */
  readonly requests: number;
  /** Lists that the local server serves before its memory is read again. */
  readonly lists: number;
  /** Processes started for each figure of a function's start. */
  readonly starts: number;
  /** Images behind the large page. */
  readonly images: number;
  /** File that the figures are written to. */
  readonly json: string;
  /** Figures of an earlier run to compare with. */
  readonly compare: string | undefined;
}

const extents = {
  normal: { rounds: 5, requests: 200, lists: 4_000, starts: 7 },
  quick: { rounds: 3, requests: 48, lists: 400, starts: 3 },
} as const;

const defaultImages = 10_000;

/**
 * Reads the command line.
 *
 * @param sections - the names that `--only` accepts
 * @throws UsageError if an argument is not valid
 */
export function parseOptions(args: readonly string[], sections: readonly string[]): Options {
  const { values } = parseArguments(args, {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    images: { type: 'string' },
    json: { type: 'string' },
    compare: { type: 'string' },
  });
  const images = values.images ?? String(defaultImages);
  const only = values.only?.split(',');
  const unknown = only?.find((name) => !sections.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`"--only" must name some of ${sections.join(', ')}; got "${unknown}".`);
  if (!/^\d{3,6}$/.test(images)) {
    throw new UsageError(`"--images" must be a number from 100 to 999999; got "${images}".`);
  }
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return {
    ...extents[values.quick === true ? 'quick' : 'normal'],
    only,
    images: Number(images),
    json: values.json ?? join('cdk.out', 'bench', `${time}.json`),
    compare: values.compare,
  };
}

/** Returns the text of `--help`. */
export const usage = (sections: Readonly<Record<string, string>>): string => `Usage: npm run bench -- [options]

Measures this checkout on this machine and asserts nothing. Compare ratios within one run: absolute
figures depend on the machine and on its load.

  --quick              fewer rounds and requests, for a first impression
  --only <section>,…   only these sections
  --images <n>         images behind the large page (default ${defaultImages}; 100000 takes minutes to prepare)
  --json <file>        where the figures go (default cdk.out/bench/<time>.json)
  --compare <file>     also shows each figure as a ratio to the one in an earlier JSON file

Sections:
${Object.entries(sections)
  .map(([name, title]) => `  ${name.padEnd(20)} ${title}`)
  .join('\n')}
`;
