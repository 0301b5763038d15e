/** One measured quantity: a cell of a table. */
export interface Figure {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

/** Returns the median of some samples with their range. */
export function figure(table: string, row: string, column: string, samples: readonly number[]): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    table,
    row,
    column,
    median: percentile(sorted, 0.5),
    low: sorted[0] ?? Number.NaN,
    high: sorted.at(-1) ?? Number.NaN,
    samples: samples.length,
  };
}

/** Returns the value below which a share of the samples lies. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Returns each figure as a ratio to the one of the same place in an earlier run; figures without one are left out. */
export function ratiosTo(earlier: readonly Figure[], current: readonly Figure[]): readonly Figure[] {
  const place = ({ table, row, column }: Figure): string => JSON.stringify([table, row, column]);
  const before = new Map(earlier.map((each) => [place(each), each]));
  return current.flatMap((now) => {
    const then = before.get(place(now));
    if (then === undefined || then.median === 0) return [];
    return [
      { ...now, median: now.median / then.median, low: now.low / then.high, high: now.high / Math.max(then.low, 1e-9) },
    ];
  });
}

/** Returns the figures as tables of text: a line for each row, a cell with median and spread for each column. */
export function asTables(figures: readonly Figure[], cell: (figure: Figure) => string = withSpread): string {
  return [...Map.groupBy(figures, ({ table }) => table)]
    .map(([table, cells]) => {
      const columns = [...new Set(cells.map(({ column }) => column))];
      const rows = [...Map.groupBy(cells, ({ row }) => row)].map(([row, own]) => [
        row,
        ...columns.map((column) => own.filter((each) => each.column === column).map(cell)[0] ?? ''),
      ]);
      return aligned([[table, ...columns], ...rows]);
    })
    .join('\n\n');
}

/** The median and, unless all samples are alike or it is zero, half of their range as a percentage of it. */
const withSpread = ({ median, low, high }: Figure): string =>
  low === high || median === 0
    ? shortened(median)
    : `${shortened(median)} ±${Math.round(((high - low) / 2 / median) * 100)}%`;

/** The ratio alone: its spread compounds those of two runs. */
export const asRatio = ({ median }: Figure): string => `× ${median.toFixed(2)}`;

const shortened = (value: number): string =>
  Number.isInteger(value) || value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);

/** Returns rows of text with their columns aligned: the first to the left, all others to the right. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!))).join('  '),
    )
    .join('\n');
}
