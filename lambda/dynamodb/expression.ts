/** Placeholders for attribute names, each named after its attribute: `status` and others are reserved words. */
export const names = (...attributes: readonly string[]): Record<string, string> =>
  Object.fromEntries(attributes.map((attribute) => [`#${attribute}`, attribute]));

/** Placeholders for values, each named after its key. */
export const values = (named: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(named).map(([name, value]) => [`:${name}`, value]));

/** `#a = :a, #b = :b`, the assignments of a SET, or joined by `AND` a condition, for {@link names} and {@link values}. */
export const equals = (attributes: Readonly<Record<string, unknown>>, separator = ', '): string =>
  Object.keys(attributes)
    .map((attribute) => `#${attribute} = :${attribute}`)
    .join(separator);
