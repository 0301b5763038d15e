import tseslint from 'typescript-eslint';

/** What each ring of lambda/ may not import: arrows point inward only (docs/adr/0001). */
const rings = {
  'lambda/domain/**': [
    '**/dynamodb/**',
    '**/http/**',
    '**/identity/**',
    '**/use-cases/**',
    '**/events/**',
    '../*.ts',
    '@*/**',
  ],
  'lambda/use-cases/**': ['**/dynamodb/**', '**/http/**', '**/identity/**', '**/events/**', '../*.ts', '@*/**'],
  'lambda/dynamodb/**': ['**/http/**', '**/identity/**', '**/use-cases/**', '**/events/**', '@middy/**'],
  'lambda/identity/**': ['**/dynamodb/**', '**/http/**', '**/use-cases/**', '**/events/**', '@aws-sdk/**'],
  'lambda/http/**': ['**/dynamodb/**', '**/events/**', '**/messaging/**', '@aws-sdk/**'],
  'lambda/events/**': ['**/dynamodb/**', '**/http/**', '**/identity/**', '**/messaging/**', '@aws-sdk/**'],
  'lambda/messaging/**': ['**/dynamodb/**', '**/http/**', '**/identity/**', '**/use-cases/**'],
};

/** What nothing in lambda/ may import. */
const outside = ['**/infra/**', '**/test/**', 'aws-cdk-lib/**'];

const ringRules = Object.entries({ 'lambda/**': [], ...rings }).map(([files, group]) => ({
  files: [files],
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: [{ group: [...outside, ...group], message: 'Imports point inward only.' }] },
    ],
  },
}));

/** Only entry points and the refusal of the test identity inside Lambda read the environment. */
const innerFiles = ['lambda/*/**'];

export default tseslint.config(
  { ignores: ['node_modules/', 'cdk.out/', '.data/', '.venv/'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: ['tsconfig.json', 'infra/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
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
    files: innerFiles,
    ignores: ['lambda/identity/dev.ts', 'lambda/log.ts'],
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
