import type { SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { aligned } from '../bench/figures.ts';
import { teamSizes } from './assumptions.ts';
import {
  monthlyGroups,
  priceOf,
  prices,
  sumOf,
  usageOfImageData,
  usageOfMonth,
  type Billed,
  type OperationUsage,
  type RecordBytes,
  type Region,
  type Usage,
} from './cost.ts';

const regions: readonly Region[] = ['us-east-1', 'eu-central-1'];

/** A table of the report: a header and rows of the same length. */
export type ReportTable = readonly (readonly string[])[];

/** Returns the tables of `docs/cost.md` by the name in their markers. */
export function reportTables(
  stack: SynthesizedStack,
  operations: readonly OperationUsage[],
  records: RecordBytes,
): Readonly<Record<string, ReportTable>> {
  return {
    operations: operationTable(operations),
    'image data': imageDataTable(stack),
    months: monthTable(stack, operations, records),
    prices: priceTable(),
  };
}

const groupsOfOperation: readonly (readonly [title: string, names: readonly Billed[]])[] = [
  ['gateway', ['requests']],
  ['Lambda', ['invocations', 'functionSeconds']],
  ['DynamoDB', ['readUnits', 'writeUnits']],
  ['event', ['events']],
  ['logs', ['logs', 'logStorage']],
  ['transfer', ['transfer']],
];

function operationTable(operations: readonly OperationUsage[]): ReportTable {
  const partOf = (usage: Usage, names: readonly Billed[]): Usage =>
    Object.fromEntries(names.map((name) => [name, usage[name] ?? 0]));
  return [
    [
      ...['operation', 'reads', 'writes', 'events', 'history', 'body'],
      ...groupsOfOperation.map(([title]) => title),
      ...regions.map((region) => `**${region}**`),
    ],
    ...operations.map((operation) => [
      operation.title,
      String(operation.readUnits),
      String(operation.writeUnits),
      String(operation.notifications),
      String(operation.historyItems),
      `${(operation.responseBytes / 1000).toFixed(1)} KB`,
      ...groupsOfOperation.map(([, names]) => dollars(priceOf(partOf(operation.usage, names), 'us-east-1'))),
      ...regions.map((region) => dollars(priceOf(operation.usage, region))),
    ]),
  ];
}

function imageDataTable(stack: SynthesizedStack): ReportTable {
  return [
    ['a gigabyte', ...regions],
    ...Object.entries(usageOfImageData(stack)).map(([title, usage]) => [
      title,
      ...regions.map((region) => `$${priceOf(usage, region).toFixed(4)}`),
    ]),
  ];
}

function monthTable(stack: SynthesizedStack, operations: readonly OperationUsage[], records: RecordBytes): ReportTable {
  const months = teamSizes.map((size) => usageOfMonth(stack, operations, records, size));
  const row = (title: string, cellOf: (index: number) => string) => [title, ...teamSizes.map((_, n) => cellOf(n))];
  const total = (index: number, region: Region): number =>
    priceOf(sumOf(Object.values(months[index]!.groups).map((usage) => [usage, 1])), region);
  return [
    ['', ...teamSizes.map(({ title }) => title)],
    row('projects', (n) => whole(teamSizes[n]!.projects)),
    row('images', (n) => whole(months[n]!.images)),
    row('memberships', (n) => whole(months[n]!.memberships)),
    row('requests a month', (n) => whole(months[n]!.requests)),
    row('stored', (n) => `${months[n]!.storedGigabytes.toFixed(3)} GB`),
    ...monthlyGroups.map((group) => row(group, (n) => dollars(priceOf(months[n]!.groups[group], 'us-east-1')))),
    ...regions.map((region) => row(`**total, ${region}**`, (n) => dollars(total(n, region)))),
  ];
}

function priceTable(): ReportTable {
  const cell = ({ amount, published }: { readonly amount: number; readonly published: string | null }): string =>
    `$${amount}${published === null ? ' †' : ` (${published})`}`;
  return [
    ['unit', ...regions, 'page of the price'],
    ...Object.values(prices).map((price) => [
      price.unit,
      ...regions.map((region) => cell(price[region])),
      price.source,
    ]),
  ];
}

const dollars = (amount: number): string => `$${amount.toFixed(2)}`;
const whole = (amount: number): string => Math.round(amount).toLocaleString('en-US');

/** Returns a table as aligned Markdown, as Prettier formats it. */
export function toMarkdown(table: ReportTable): string {
  const [header = [], ...rows] = table;
  const isNumber = header.map((_, column) => rows.every((row) => /^[$\d]/.test(row[column] ?? '')));
  const widths = header.map((_, column) => Math.max(3, ...table.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const pad = (text: string, column: number): string =>
    isNumber[column] === true ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  const rule = widths.map((width, column) =>
    isNumber[column] === true ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [line(header.map(pad)), line(rule), ...rows.map((row) => line(row.map(pad)))].join('\n');
}

/**
 * Replaces the tables between their markers, `<!-- cost: <name> -->` and `<!-- end of cost -->`.
 *
 * @throws Error if the document has not exactly one pair of markers for each table
 */
export function replaceTables(document: string, tables: Readonly<Record<string, ReportTable>>): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const parts = text.split(`<!-- cost: ${name} -->\n`);
    const [before, after = ''] = parts;
    const end = after.indexOf('<!-- end of cost -->');
    if (parts.length !== 2 || end === -1) throw new Error(`docs/cost.md must have one pair of markers for "${name}".`);
    return `${before}<!-- cost: ${name} -->\n\n${toMarkdown(table)}\n\n${after.slice(end)}`;
  }, document);
}

/** Returns the tables as text for a terminal. */
export const toText = (tables: Readonly<Record<string, ReportTable>>): string =>
  Object.values(tables)
    .map((table) => aligned(table.map((row) => row.map((cell) => cell.replaceAll('*', '')))))
    .join('\n\n');
