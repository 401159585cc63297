'use strict';

// The rooms of src and the rooms below them that each may import: the architecture. The first part of a path says in which
// thread a line runs: `main` and `worker` never import each other, and `common` imports neither.
const rooms = {
  'common/core': [],
  'common/wire': ['common/core'],
  'common/filters': ['common/core'],
  'common/codecs': ['common/filters'],
  'common/tls': ['common/core'],
  'common/user-code': ['common/core'],
  'common/boot': ['common/core', 'common/wire'],
  'common/lane': ['common/core', 'common/wire'],

  'main/policy': ['common/core'],
  'main/threads': ['common/core', 'common/boot'],
  'main/relay': ['common/core', 'common/wire', 'common/user-code', 'common/lane'],
  'main/master': [
    'common/core',
    'common/wire',
    'common/user-code',
    'common/boot',
    'common/lane',
    'main/policy',
    'main/threads',
    'main/relay',
  ],
  'main/listener': [
    'common/core',
    'common/wire',
    'common/tls',
    'common/user-code',
    'main/policy',
    'main/relay',
  ],
  'main/prefork': [
    'common/core',
    'common/wire',
    'common/tls',
    'common/user-code',
    'common/boot',
    'common/lane',
    'main/policy',
    'main/threads',
    'main/relay',
    'main/master',
    'main/listener',
  ],

  'worker/thread': ['common/core', 'common/wire', 'common/boot'],
  'worker/sockets': ['common/core', 'common/wire', 'common/user-code', 'common/lane'],
  'worker/session': ['common/core', 'common/filters', 'common/user-code'],
  'worker/runtime': [
    'common/core',
    'common/wire',
    'common/tls',
    'common/user-code',
    'common/boot',
    'common/lane',
    'worker/thread',
    'worker/sockets',
    'worker/session',
  ],
};

// The fronts' own code stands above both threads.
const fronts = {
  http: ['common/core', 'worker/session', 'worker/runtime'],
  'one-module': ['common/core', 'common/boot', 'main/prefork', 'worker/session', 'worker/runtime'],
  testing: ['common/core', 'common/boot', 'main/threads', 'main/prefork', 'worker/thread', 'worker/session'],
  poe: [
    'common/core',
    'common/filters',
    'common/codecs',
    'common/user-code',
    'common/boot',
    'main/prefork',
    'worker/session',
    'worker/runtime',
    'one-module',
  ],
};
const pure = ['common/core', 'common/wire', 'common/filters', 'main/policy'];

const effectGlobals = [
  'process',
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
];

// As the importing file writes the way to another room.
function wayTo(from, to) {
  const [wing] = from.split('/');
  if (!from.includes('/')) return `\\.\\./${to}/`;
  return to.startsWith(`${wing}/`) ? `\\.\\./${to.slice(wing.length + 1)}/` : `\\.\\./\\.\\./${to}/`;
}

const roomRule = ([room, below]) => ({
  files: [`src/${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(?!${[...below.map((to) => wayTo(room, to)), '\\./'].join('|')})\\.`,
            message: `src/${room} may import only: ${below.join(', ') || 'nothing'}.`,
          },
          ...(pure.includes(room)
            ? [{ regex: '^node:', message: `src/${room} is pure: no node: imports.` }]
            : []),
        ],
      },
    ],
    ...(pure.includes(room) && {
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
    ...Object.entries({ ...rooms, ...fronts }).map(roomRule),
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
