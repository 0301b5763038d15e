import tseslint from 'typescript-eslint';

/**
 * How the imports of each ring of lambda/ begin, besides those of its own files and of Node: arrows point inward only
 * (docs/adr/0001). Everything else is refused.
 */
const rings = {
  domain: [],
  'use-cases': ['../domain/'],
  dynamodb: ['../domain/', '../runtime/', '@aws-sdk/'],
  identity: ['../domain/', '../runtime/', '#dev-identity', '@middy/', 'jose'],
  http: [...['../domain/', '../use-cases/', '../identity/', '../runtime/'], ...['@cfworker/', '@middy/', 'aws-lambda']],
  events: ['../domain/', '../use-cases/', '../runtime/', '@cfworker/', 'aws-lambda'],
  console: [],
  'image-source': ['../domain/', 'ipaddr.js'],
  s3: ['../domain/', '@aws-sdk/'],
  messaging: ['../domain/', '../events/', '../runtime/', '@aws-sdk/'],
  runtime: [],
};

const message = 'Imports point inward only: eslint.config.js lists them for each ring.';

/** What nothing in lambda/ may import. The path of an import goes up at its beginning only. */
const outside = [
  { group: ['**/infra/**', '**/test/**', 'aws-cdk-lib/**', 'node:process'], message },
  { regex: '(^\\./|[^./]/)\\.\\./', message },
];

/** Refuses all imports of some files but those that begin in one of these ways. */
function ringRule(files, starts) {
  const allowed = ['node:', ...starts].map((start) => start.replaceAll('.', '\\.')).join('|');
  return {
    files: [files],
    rules: {
      'no-restricted-imports': ['error', { patterns: [...outside, { regex: `^(?!${allowed})`, message }] }],
      'no-restricted-syntax': ['error', { selector: 'ImportExpression', message: 'A ring imports statically.' }],
    },
  };
}

const ringRules = [
  { files: ['lambda/**'], rules: { 'no-restricted-imports': ['error', { patterns: outside }] } },
  ...Object.entries(rings).flatMap(([ring, imports]) => [
    ringRule(`lambda/${ring}/*`, ['./', ...imports]),
    // A folder within a ring, and a folder within that.
    ringRule(`lambda/${ring}/*/*`, ['./', '../[a-z]', ...imports.map((start) => start.replace(/^\.\.\//, '../../'))]),
    ringRule(`lambda/${ring}/*/*/**`, [
      ...['./', '../[a-z]', '../../[a-z]'],
      ...imports.map((start) => start.replace(/^\.\.\//, '../../../')),
    ]),
  ]),
];

/** The entry points compose the rings; no other file reads the environment. */
const entryPoints = ['lambda/functions/!(config|read-secret).ts'];

export default tseslint.config(
  { ignores: ['node_modules/', 'cdk.out/', '.data/', '.venv/'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['.', 'infra', 'console', 'test/console'].map((folder) => `${folder}/tsconfig.json`),
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true, argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // With noPropertyAccessFromIndexSignature the brackets are asked for.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // An environment variable that is empty counts as absent.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
    },
  },
  ...ringRules,
  {
    files: ['lambda/**'],
    // The test identity refuses to run inside Lambda, and the log is standard output.
    ignores: [...entryPoints, 'lambda/identity/dev.ts', 'lambda/runtime/log.ts'],
    rules: { 'no-restricted-globals': ['error', { name: 'process', message: 'Only entry points know the process.' }] },
  },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['infra/**', 'test/**'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/restrict-plus-operands': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
    },
  },
);
