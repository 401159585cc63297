'use strict';

// The layer table is the architecture: each folder of src and the folders below it that it may import.
const layers = {
  core: [],
  policy: ['core'],
  wire: ['core'],
  filters: ['core'],
  codecs: ['filters'],
  transport: ['core', 'wire'],
  threads: ['core', 'wire', 'transport'],
  master: ['core', 'policy', 'wire', 'transport', 'threads'],
  listener: ['core', 'policy', 'transport', 'master'],
  tls: ['core'],
  worker: ['core', 'wire', 'transport', 'filters', 'tls'],
  http: ['core', 'worker'],
  prefork: ['core', 'policy', 'wire', 'transport', 'threads', 'master', 'listener', 'tls', 'worker'],
  testing: ['core', 'wire', 'transport', 'threads', 'worker', 'prefork'],
  poe: ['core', 'filters', 'codecs', 'transport', 'worker', 'prefork'],
};
const pure = ['core', 'policy', 'wire', 'filters'];

const effectGlobals = [
  'process',
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
];

const layerRule = ([folder, below]) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^\\.\\./(?!(?:${[folder, ...below].join('|')})/)`,
            message: `src/${folder} may import only: ${below.join(', ') || 'nothing'}.`,
          },
          ...(pure.includes(folder)
            ? [{ regex: '^node:', message: `src/${folder} is pure: no node: imports.` }]
            : []),
        ],
      },
    ],
    ...(pure.includes(folder) && {
      'no-restricted-globals': ['error', ...effectGlobals],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Take randomness as an argument.' },
      ],
    }),
  },
});

module.exports = {
  root: true,
  env: { node: true, es2023: true },
  parser: '@typescript-eslint/parser',
  parserOptions: { projectService: true, tsconfigRootDir: __dirname },
  plugins: ['@typescript-eslint'],
  extends: [
    'eslint:recommended',
    'plugin:@typescript-eslint/strict-type-checked',
    'plugin:@typescript-eslint/stylistic-type-checked',
    'prettier',
  ],
  reportUnusedDisableDirectives: true,
  rules: {
    '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    '@typescript-eslint/explicit-module-boundary-types': 'error',
    '@typescript-eslint/switch-exhaustiveness-check': 'error',
    '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    // isolatedDeclarations wants the annotations that this rule would take away.
    '@typescript-eslint/no-inferrable-types': 'off',
    'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
    complexity: ['error', 10],
    'no-console': 'error',
  },
  overrides: [
    ...Object.entries(layers).map(layerRule),
    {
      files: ['test/**/*.ts', 'examples/**/*.ts'],
      rules: {
        'max-lines': 'off',
        'max-lines-per-function': 'off',
        complexity: 'off',
        'no-console': 'off',
        '@typescript-eslint/no-non-null-assertion': 'off',
      },
    },
  ],
};
