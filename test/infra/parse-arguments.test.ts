import { describe, expect, test } from '@jest/globals';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { ArgumentError } from '../../infra/usage-error.ts';

const options = { stack: { type: 'string' }, clean: { type: 'boolean' } } as const;

test('options and other arguments are parsed in any order', () => {
  expect(parseArguments(['redrive', '--stack', 'One', '--clean', 'all'], options, true)).toEqual({
    values: { stack: 'One', clean: true },
    positionals: ['redrive', 'all'],
  });
});

test.each([
  [['--stack=One'], { stack: 'One' }],
  [['--stack', 'One', '--stack', 'Two'], { stack: 'Two' }],
  [['--stack=-1'], { stack: '-1' }],
  [[], {}],
])('%j has the values %j', (args, values) => {
  expect(parseArguments(args, options).values).toEqual(values);
});

test('arguments after "--" are no options', () => {
  expect(parseArguments(['--', '--stack'], options, true)).toEqual({ values: {}, positionals: ['--stack'] });
});

describe('an error states the argument and what is valid:', () => {
  test.each([
    ['a misspelt option', ['--stak', 'One'], '"--stak" is not an option of this command; did you mean --stack?'],
    [
      'an unknown option',
      ['--color'],
      '"--color" is not an option of this command; valid options are --stack, --clean, --help.',
    ],
    ['an unknown short option', ['-s'], '"-s" is not an option of this command; valid options are'],
    ['an inherited property', ['--constructor'], '"--constructor" is not an option of this command;'],
    ['an option without its dashes', ['clean'], '"clean" is not an option of this command; did you mean --clean?'],
    ['a missing value', ['--stack'], '"--stack" must have a value, such as --stack <stack>.'],
    ['an empty value', ['--stack='], '"--stack" must have a value'],
    ['an option in place of a value', ['--stack', '--clean'], '"--stack" must have a value'],
    ['a superfluous value', ['--clean=yes'], '"--clean" must have no value; got "yes".'],
  ])('%s', (_what, args, sentence) => {
    const parse = () => parseArguments(args, options);

    expect(parse).toThrow(ArgumentError);
    expect(parse).toThrow(sentence);
  });
});
