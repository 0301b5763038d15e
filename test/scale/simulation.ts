import type { PartitionUse } from './demand.ts';
import { accountLimits, functionSeconds, initialPartitions, partition, tableQuota, type Limit } from './limits.ts';
import type { CapturedOperation, Placeholders, Role } from './workload.ts';
import { randomNumbers } from '../support/random-numbers.ts';

/** How many projects and images the requests of a simulation are about; some projects are far busier than others. */
export interface Population {
  /** Projects that list, show and answer. */
  readonly callers: number;
  /** Projects whose images these are, which create, offer and withdraw. */
  readonly owners: number;
  readonly imagesPerOwner: number;
}

/** How the table's partitions serve. */
export type Partitioning =
  /** As after weeks of load: each item collection that is busy has a partition of its own, and never more than one. */
  | 'adapted'
  /** As on its first day: item collections share the partitions of a new table. */
  | 'new';

export interface Scenario {
  /** Requests of each operation as a share of all, by its title. */
  readonly shares: Readonly<Record<string, number>>;
  readonly population: Population;
  readonly partitioning: Partitioning;
  /** Requests per second that the gateway lets pass on one route. */
  readonly routeLimit: number;
}

/** A limit with the rate of all requests at which it begins to refuse some. */
export interface Saturation {
  readonly label: string;
  readonly perSecond: number;
}

/** What one request uses of one limit. */
interface Use {
  /** What is counted apart, such as one partition. */
  readonly counter: string;
  readonly limit: Limit;
  readonly amount: number;
}

/** Seconds that are simulated at each rate. No burst is saved up between them, as under a lasting load. */
const seconds = 2;
/** Share of the requests to one counter that it may refuse before it counts as saturated: rates are exact to 1 %. */
const refusedShare = 0.005;
/** Requests per second at which the search begins and ends. */
const rates = { first: 4, last: 200_000 } as const;
/** Exponent of the distribution of requests over projects: the busiest of 100,000 makes a fiftieth of all. */
const skew = 0.8;
/** Its multiples are spread evenly, so that a second has each operation in exactly its share. */
const goldenRatio = (Math.sqrt(5) - 1) / 2;

/**
 * Returns the limits that are reached one after another as the rate of requests grows. Each that is reached is lifted
 * then, as if it had been removed, to find those behind it.
 */
export function findSaturations(
  captured: readonly CapturedOperation[],
  placeholders: Placeholders,
  scenario: Scenario,
  count: number,
): readonly Saturation[] {
  const lifted = new Set<string>();
  const found: Saturation[] = [];
  const refusing = (perSecond: number) => simulate(captured, placeholders, scenario, perSecond, lifted);
  let low: number = rates.first;
  while (found.length < count) {
    let high = low;
    while (high < rates.last && refusing(high) === undefined) high *= 1.3;
    if (high >= rates.last) break;
    low = high / 1.3;
    while (high / low > 1.005) {
      const middle = Math.sqrt(low * high);
      if (refusing(middle) === undefined) low = middle;
      else high = middle;
    }
    const label = refusing(high)!;
    found.push({ label, perSecond: high });
    lifted.add(label);
  }
  return found;
}

/** Returns the label of the limit that refuses the largest share of the requests it counts, if that is too much. */
function simulate(
  captured: readonly CapturedOperation[],
  placeholders: Placeholders,
  scenario: Scenario,
  perSecond: number,
  lifted: ReadonlySet<string>,
): string | undefined {
  const random = randomNumbers(1);
  const operations = captured.map((each) => ({
    uses: usesOf(each, placeholders, scenario),
    share: scenario.shares[each.operation.title] ?? 0,
  }));
  const pickOperation = weighted(operations.map(({ share }) => share));
  const { callers, owners, imagesPerOwner } = scenario.population;
  const [pickCaller, pickOwner] = [skewed(callers), skewed(owners)];
  const counted = new Map<string, { readonly label: string; requests: number; refused: number }>();
  let created = 0;

  for (let second = 0; second < seconds; second += 1) {
    const used = new Map<string, number>();
    for (let n = 0; n < perSecond; n += 1) {
      const { uses } = operations[pickOperation((n * goldenRatio) % 1)]!;
      const owner = pickOwner(random());
      const image = `${owner}-${Math.floor(random() * imagesPerOwner)}`;
      const names: Names = {
        caller: `project-${pickCaller(random())}`,
        owner: `project-${owner}`,
        image: `image-${image}`,
        created: `image-new-${(created += 1)}`,
        member: `member-of-${image}`,
      };
      const counters = uses
        .filter(({ limit }) => !lifted.has(limit.label))
        .map(({ counter, limit, amount }) => ({ counter: counter(names), limit, amount }));
      const full = counters.find(({ counter, limit, amount }) => (used.get(counter) ?? 0) + amount > limit.perSecond);
      for (const { counter, limit } of counters) {
        const state = counted.get(counter) ?? { label: limit.label, requests: 0, refused: 0 };
        state.requests += 1;
        if (counter === full?.counter) state.refused += 1;
        counted.set(counter, state);
      }
      // A request that one limit refuses uses none of the others.
      if (full === undefined) {
        for (const { counter, amount } of counters) used.set(counter, (used.get(counter) ?? 0) + amount);
      }
    }
  }
  const [worst] = [...counted.values()].toSorted((a, b) => b.refused / b.requests - a.refused / a.requests);
  return worst !== undefined && worst.refused / worst.requests > refusedShare ? worst.label : undefined;
}

/** The names that take the places of the captured ones; an image that is created is another one each time. */
type Names = Readonly<Record<Role | 'created', string>>;

type CounterUse = Omit<Use, 'counter'> & { readonly counter: (names: Names) => string };

/** Returns what one request of an operation uses of every limit. */
function usesOf(
  { operation, demand }: CapturedOperation,
  placeholders: Placeholders,
  { partitioning, routeLimit }: Scenario,
): readonly CounterUse[] {
  const use = (label: string, perSecond: number, amount: number, counter: CounterUse['counter']): CounterUse => ({
    counter,
    limit: { label, perSecond },
    amount,
  });
  const account = ({ label, perSecond }: Limit, amount: number) => use(label, perSecond, amount, () => label);
  const ofPartition = ({ index, key, ...units }: PartitionUse): readonly CounterUse[] =>
    kinds.map((kind) => {
      const label = partitionLabel(index, key, placeholders, partitioning);
      const name = partitionName(key, placeholders, operation.title === 'create image');
      const counter =
        partitioning === 'adapted'
          ? (names: Names) => `${index} ${name(names)} ${kind}`
          : (names: Names) => `${index} ${hash(name(names)) % initialPartitions} ${kind}`;
      return use(`${label}, ${kind}`, partition[kind], units[kind], counter);
    });
  const ofQuotas = [...Map.groupBy(demand.partitions, ({ index }) => index)].flatMap(([index, own]) =>
    kinds.map((kind) =>
      account(
        {
          label: `quota of ${index === undefined ? 'the table' : `the ${index} index`}, ${kind}`,
          perSecond: tableQuota[kind],
        },
        own.reduce((sum, each) => sum + each[kind], 0),
      ),
    ),
  );
  const { requests, concurrency, events } = accountLimits;
  return [
    use('the gateway, one route', routeLimit, 1, () => demand.route),
    account(requests, 1),
    account(concurrency, functionSeconds.own + functionSeconds.roundTrip * demand.roundTrips),
    account(events, demand.notifications),
    ...ofQuotas,
    ...demand.partitions.flatMap(ofPartition),
  ].filter(({ amount }) => amount > 0);
}

const kinds = ['reads', 'writes'] as const;

const placeholderIn = (key: string, placeholders: Placeholders) =>
  Object.entries(placeholders).find(([text]) => key.includes(text));

/** Returns the key of a partition with other names in the places of the captured ones. */
function partitionName(key: string, placeholders: Placeholders, isNew: boolean): (names: Names) => string {
  const [text, role] = placeholderIn(key, placeholders) ?? [];
  if (text === undefined || role === undefined) return () => key;
  const [before = '', after = ''] = key.split(text);
  const name = role === 'image' && isNew ? 'created' : role;
  return (names) => `${before}${names[name]}${after}`;
}

function partitionLabel(
  index: string | undefined,
  key: string,
  placeholders: Placeholders,
  partitioning: Partitioning,
): string {
  const where = index === undefined ? '' : `${index} index, `;
  if (partitioning === 'new') return `${where}one partition of four`;
  const [, role] = placeholderIn(key, placeholders) ?? [];
  if (role !== undefined) return `${where}the busiest ${role === 'image' ? 'image' : 'project'}`;
  return `${where}${key.startsWith('IMAGE#') ? 'the newest public image' : key}`;
}

function hash(text: string): number {
  let value = 2_166_136_261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0)!, 16_777_619) >>> 0;
  return value >>> 8;
}

/** Returns a choice by weight. */
function weighted(weights: readonly number[]): (random: number) => number {
  let sum = 0;
  const sums = weights.map((weight) => (sum += weight));
  return (random) => firstAbove(sums, random * sum);
}

const choices = new Map<number, (random: number) => number>();
/** Returns a choice of a project, the n-th of which is chosen in proportion to n to the power of -{@link skew}. */
function skewed(projects: number): (random: number) => number {
  const known = choices.get(projects) ?? weighted(Array.from({ length: projects }, (_, n) => (n + 1) ** -skew));
  choices.set(projects, known);
  return known;
}

function firstAbove(sums: readonly number[], value: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
