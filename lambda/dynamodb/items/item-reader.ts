import { partitionKey, sortKey } from '../keys.ts';
import type { Item } from '../table.ts';

/** Attributes of one item by name, each read as the type it must have. */
export interface ItemReader {
  has(name: string): boolean;
  string(name: string): string;
  stringOrNull(name: string): string | null;
  boolean(name: string): boolean;
  number(name: string): number;
  strings(name: string): readonly string[];
  /** A map whose values are all strings. */
  stringMap(name: string): Readonly<Record<string, string>>;
  oneOf<Value extends string>(name: string, values: readonly Value[]): Value;
  /** @param expected - what the text has to be, for the error */
  parsed<Value>(name: string, expected: string, parse: (text: string) => Value | undefined): Value;
  /** A reader of a map within the item. */
  map(name: string): ItemReader;
  /** A reader of the map that a string has as its JSON. */
  json(name: string): ItemReader;
}

/**
 * Reads the attributes of a stored item, each as the type it must have.
 *
 * @throws Error naming the item's key and the attribute that is missing or malformed: a fault of this service, never of
 *   a caller
 */
export function itemReader(item: Item): ItemReader {
  const malformed = (name: string, expected: string): Error =>
    new Error(`Item ${String(item[partitionKey])} / ${String(item[sortKey])}: ${name} is not ${expected}.`);

  const attribute = <Value>(name: string, expected: string, parse: (value: unknown) => Value | undefined): Value => {
    const value = parse(item[name]);
    if (value === undefined) throw malformed(name, expected);
    return value;
  };
  const string = (name: string): string => attribute(name, 'a string', asString);
  const nested = (name: string, value: Item): ItemReader =>
    itemReader({ ...value, [partitionKey]: item[partitionKey], [sortKey]: `${String(item[sortKey])}.${name}` });

  return {
    string,
    stringOrNull: (name: string) =>
      attribute(name, 'a string or null', (value) => (value === null ? null : asString(value))),
    boolean: (name: string) =>
      attribute(name, 'a boolean', (value) => (typeof value === 'boolean' ? value : undefined)),
    number: (name: string) => attribute(name, 'a number', (value) => (typeof value === 'number' ? value : undefined)),
    parsed: <Value>(name: string, expected: string, parse: (text: string) => Value | undefined): Value =>
      attribute(name, expected, (value) => (typeof value === 'string' ? parse(value) : undefined)),
    oneOf: <Value extends string>(name: string, values: readonly Value[]): Value =>
      attribute(name, `one of ${values.join(', ')}`, (value) => values.find((each) => each === value)),
    strings: (name: string): readonly string[] =>
      attribute(name, 'a list of strings', (value) =>
        Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined,
      ),
    stringMap: (name: string): Readonly<Record<string, string>> =>
      attribute(name, 'a map of strings', (value) => (isStringMap(value) ? value : undefined)),
    map: (name) => nested(name, attribute(name, 'a map', asMap)),
    json: (name) =>
      nested(
        name,
        attribute(name, 'the JSON of a map', (value) => asMap(parseJson(value))),
      ),
    has: (name: string): boolean => item[name] !== undefined,
  };
}

const asString = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const asMap = (value: unknown): Item | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Item) : undefined;
const isStringMap = (value: unknown): value is Readonly<Record<string, string>> =>
  Object.values(asMap(value) ?? [undefined]).every((each) => typeof each === 'string');

function parseJson(value: unknown): unknown {
  try {
    return typeof value === 'string' ? JSON.parse(value) : undefined;
  } catch {
    return undefined;
  }
}
