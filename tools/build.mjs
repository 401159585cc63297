// Builds dist from src: types file by file, code in as few files as there can be. A worker loads the code anew at each
// birth, and every file costs it half a millisecond, however small it is.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { keepReachedTypes } from './types.mjs';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const source = (name) => join(root, 'src', `${name}.ts`);

/** @param {Record<string, string>} files by the names of their outputs */
async function bundle(files, options) {
  const input = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, source(file)]));
  const build = await rolldown({
    input,
    platform: 'node',
    external: /^[^./]/,
    // What is imported for its types alone would otherwise be loaded; that it is kept is for `tsc`.
    tsconfig: false,
    treeshake: { moduleSideEffects: false },
  });
  try {
    return await options(build);
  } finally {
    await build.close();
  }
}

// What tests load without the rest, but as it is built. Not packed.
const ALONE = {
  'alone/hosts': 'main/threads/hosts',
  'alone/boot': 'common/boot/boot-data',
  'alone/parent-port': 'worker/thread/parent-port',
  'alone/leave': 'worker/thread/leave-thread',
  'alone/inline-host': 'testing/inline-host',
  'alone/virtual-clock': 'testing/virtual-clock',
};

const fronts = readdirSync(join(root, 'src'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replace(/\.ts$/, ''));
const files = { ...Object.fromEntries(fronts.map((name) => [name, name])), ...ALONE };

rmSync(dist, { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', join(root, 'src')], { stdio: 'inherit' });
// Sources for all fronts would bring an installation above the 2 MB that it may take (test/bench/report/goals.mjs).
keepReachedTypes({ dist, src: join(root, 'src'), fronts, open: ['index', 'worker'] });

// What `forkless/http` needs beside its own is there too, a few lines: it would otherwise come with the main thread's code.
const served = await bundle({ worker: 'worker', http: 'http' }, (build) => build.generate({ format: 'esm' }));
const inWorker = new Set(
  served.output
    .flatMap(({ modules }) => Object.entries(modules))
    .flatMap(([id, { code }]) => (code && /\/src\/(?:common|main|worker)\//.test(id) ? [id] : [])),
);
const strangers = [...inWorker].filter((id) => id.startsWith(join(root, 'src/main/')));
if (strangers.length > 0)
  throw new Error(`A worker would load code of the main thread: ${strangers.join(', ')}`);
// Filters and codecs are for those who ask for them.
const inMain = /\/src\/(?:common\/(?!filters\/|codecs\/)|main\/|worker\/|one-module\/)/;
const built = await bundle(files, (build) =>
  build.write({
    dir: dist,
    format: 'esm',
    // They stand in the types.
    comments: { jsdoc: false },
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: {
      groups: [
        { name: 'serving', test: (id) => inWorker.has(id), priority: 2 },
        { name: 'preforking', test: inMain, priority: 1 },
      ],
    },
  }),
);

/** The built files that one loads, itself among them. */
function loadedBy(name, seen = new Set()) {
  const chunk = built.output.find(({ fileName }) => fileName === name);
  if (chunk && !seen.has(name)) {
    seen.add(name);
    for (const each of chunk.imports) loadedBy(each, seen);
  }
  return seen;
}
for (const front of ['worker.js', 'http.js', 'filters.js'])
  if (loadedBy(front).has('preforking.js'))
    throw new Error(`${front} would load the main thread's code in every worker`);

await bundle({ 'pool-entry': 'worker/thread/pool-entry' }, (build) =>
  build.write({
    dir: dist,
    format: 'cjs',
    comments: { jsdoc: false },
    exports: 'default',
    entryFileNames: '[name].cjs',
  }),
);
