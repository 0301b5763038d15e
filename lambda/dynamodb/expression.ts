/** Returns placeholders for attribute names, each named after its attribute: `status` and others are reserved words. */
export const names = (...attributes: readonly string[]): Record<string, string> =>
  Object.fromEntries(attributes.map((attribute) => [`#${attribute}`, attribute]));

/** Returns placeholders for values, each named after its key. */
export const values = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`:${name}`, value]));

/**
 * Returns `#a = :a` for every attribute: clauses of a condition with the placeholders of {@link names} and
 * {@link values}.
 */
export const equalityClauses = (attributes: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.keys(attributes).map((attribute) => `#${attribute} = :${attribute}`);

/** Returns `#a = :a, #b = :b`: the assignments of a `SET`. */
export const assignments = (attributes: Readonly<Record<string, unknown>>): string =>
  equalityClauses(attributes).join(', ');

/** A clause of a condition with its placeholders. */
export interface Clause {
  readonly expression: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Returns the condition that all clauses are true. Clauses that share a placeholder give it the same value. */
export const allOf = (clauses: readonly Clause[]): Clause => ({
  expression: clauses.map(({ expression }) => expression).join(' AND '),
  names: Object.fromEntries(clauses.flatMap((clause) => Object.entries(clause.names))),
  values: Object.fromEntries(clauses.flatMap((clause) => Object.entries(clause.values))),
});
