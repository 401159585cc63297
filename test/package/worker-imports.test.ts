import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const src = join(import.meta.dirname, '../../src');

/** The files that one imports for more than their types. */
function importedBy(file: string): readonly string[] {
  const imports = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) (type )?(?:\{([^}]*)\} from |\* from |[\w*].* from )?'(\.[^']+)';/gm,
  );
  return [...imports].flatMap(([, isType, names, path = '']) => {
    const isOfTypes = names?.split(',').every((name) => /^\s*(?:type\s|$)/.test(name)) ?? false;
    return isType || isOfTypes ? [] : [join(dirname(file), path)];
  });
}

function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const each of importedBy(file)) loadedBy(each, seen);
  return seen;
}

// `prefork()` is not among them: it is for one module that both threads load.
it.each(['worker.ts', 'http.ts', 'filters.ts', 'worker/thread/pool-entry.ts'])(
  'a worker that loads src/%s loads nothing of the main thread',
  (front) => {
    const loaded = [...loadedBy(join(src, front))].map((file) => relative(src, file));
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.filter((file) => file.startsWith('main'))).toEqual([]);
  },
);

it('a main thread does load it', () => {
  const loaded = [...loadedBy(join(src, 'index.ts'))].map((file) => relative(src, file));
  expect(loaded).toContain(join('main', 'prefork', 'prefork.ts'));
});
