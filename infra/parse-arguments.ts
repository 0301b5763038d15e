import { parseArgs } from 'node:util';
import { suggest } from './suggestion.ts';
import { ArgumentError } from './usage-error.ts';

/** The options of a command line by name: with a value (`--name <value>`), or without (`--name`). */
type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

interface ParsedArguments<Names extends Options> {
  /** The given options. If an option is repeated, the last one counts. */
  readonly values: {
    readonly [Name in keyof Names]?: Names[Name]['type'] extends 'string' ? string : true;
  };
  /** The arguments that are not options. */
  readonly positionals: readonly string[];
}

/**
 * Parses the arguments of a command line.
 *
 * @param allowPositionals - true if the command accepts arguments that are not options
 * @throws ArgumentError if an option is unknown, lacks its value or has a superfluous one, or an argument is not allowed
 */
export function parseArguments<const Names extends Options>(
  args: readonly string[],
  options: Names,
  allowPositionals = false,
): ParsedArguments<Names> {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const values: Record<string, string | true> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (!allowPositionals) throw unexpected(token.value, Object.keys(options));
      positionals.push(token.value);
    } else if (token.kind === 'option') {
      const { name, rawName, value } = token;
      if (!Object.hasOwn(options, name)) throw unexpected(rawName, Object.keys(options));
      if (options[name]!.type === 'boolean') {
        if (value !== undefined) throw new ArgumentError(`"${rawName}" must have no value; got "${value}".`);
        values[name] = true;
      } else {
        if (!value || (!token.inlineValue && value.startsWith('-'))) {
          throw new ArgumentError(`"${rawName}" must have a value, such as ${rawName} <${name}>.`);
        }
        values[name] = value;
      }
    }
  }
  return { values: values as ParsedArguments<Names>['values'], positionals };
}

function unexpected(argument: string, options: readonly string[]): ArgumentError {
  const names = [...options, 'help'];
  const similar = suggest(argument.replace(/^-+/, ''), names);
  const advice = similar === undefined ? `valid options are --${names.join(', --')}.` : `did you mean --${similar}?`;
  return new ArgumentError(`${JSON.stringify(argument)} is not an option of this command; ${advice}`);
}
