import { partitionKey, sortKey } from '../keys.ts';
import type { Item } from '../table.ts';

/**
 * Reads the attributes of a stored item as their types. A method throws an Error with the item's key and the
 * attribute's name if the attribute is missing or malformed: an error of this service, never of a caller.
 *
 * A class, because a page reads 25 items and an object of closures per item costs more time.
 */
export class ItemReader {
  readonly #item: Item;

  constructor(item: Item) {
    this.#item = item;
  }

  has(name: string): boolean {
    return this.#item[name] !== undefined;
  }

  string(name: string): string {
    return asString(this.#item[name]) ?? this.#fail(name, 'a string');
  }

  stringOrNull(name: string): string | null {
    const value = this.#item[name];
    return value === null ? null : (asString(value) ?? this.#fail(name, 'a string or null'));
  }

  boolean(name: string): boolean {
    const value = this.#item[name];
    return typeof value === 'boolean' ? value : this.#fail(name, 'a boolean');
  }

  number(name: string): number {
    const value = this.#item[name];
    return typeof value === 'number' ? value : this.#fail(name, 'a number');
  }

  numberOrNull(name: string): number | null {
    return this.#item[name] === null ? null : this.number(name);
  }

  strings(name: string): readonly string[] {
    const value = this.#item[name];
    return Array.isArray(value) && value.every(isString) ? value : this.#fail(name, 'a list of strings');
  }

  /** Returns a map whose values are all strings. */
  stringMap(name: string): Readonly<Record<string, string>> {
    const value = asMap(this.#item[name]);
    return value !== undefined && Object.values(value).every(isString)
      ? (value as Readonly<Record<string, string>>)
      : this.#fail(name, 'a map of strings');
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value {
    const value = this.#item[name];
    return values.find((candidate) => candidate === value) ?? this.#fail(name, `one of ${values.join(', ')}`);
  }

  /**
   * Returns the parsed value of a string.
   *
   * @param expected - noun phrase with article for the error message, such as "a timestamp"
   */
  parsed<Value>(name: string, expected: string, parse: (text: string) => Value | undefined): Value {
    const value = this.#item[name];
    return (isString(value) ? parse(value) : undefined) ?? this.#fail(name, expected);
  }

  /** Returns the names of all attributes except the item's keys. */
  keys(): readonly string[] {
    return Object.keys(this.#item).filter((name) => name !== partitionKey && name !== sortKey);
  }

  /** Returns a reader of a map attribute. */
  map(name: string): ItemReader {
    return this.#nested(name, asMap(this.#item[name]) ?? this.#fail(name, 'a map'));
  }

  /** Returns a reader of an object that is stored as JSON text. */
  json(name: string): ItemReader {
    return this.#nested(name, asMap(parseJson(this.#item[name])) ?? this.#fail(name, 'JSON text of an object'));
  }

  #nested(name: string, value: Item): ItemReader {
    return new ItemReader({
      ...value,
      [partitionKey]: this.#item[partitionKey],
      [sortKey]: `${String(this.#item[sortKey])}.${name}`,
    });
  }

  #fail(name: string, expected: string): never {
    throw new Error(
      `Item ${String(this.#item[partitionKey])} / ${String(this.#item[sortKey])}: "${name}" is not ${expected}.`,
    );
  }
}

/** Returns a reader of a stored item. */
export const itemReader = (item: Item): ItemReader => new ItemReader(item);

const isString = (value: unknown): value is string => typeof value === 'string';
const asString = (value: unknown): string | undefined => (isString(value) ? value : undefined);
const asMap = (value: unknown): Item | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Item) : undefined;

function parseJson(value: unknown): unknown {
  try {
    return isString(value) ? JSON.parse(value) : undefined;
  } catch {
    return undefined;
  }
}
