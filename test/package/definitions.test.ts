import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');
const types = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.d.ts'),
);

it('all types lead to the sources that are packed with them, and these are those of the checkout', () => {
  expect(types.length).toBeGreaterThan(50);
  for (const path of types) {
    const file = join(dist, path);
    const named = /\/\/# sourceMappingURL=(.+)\n?$/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
    const map = JSON.parse(readFileSync(join(dirname(file), named), 'utf8')) as {
      sources: string[];
      sourceRoot: string;
    };
    const source = join(dirname(file), map.sources[0] ?? '');
    const place = relative(join(dist, 'src'), source);
    expect([map.sources.length, map.sourceRoot, place]).toEqual([1, '', path.replace(/\.d\.ts$/, '.ts')]);
    expect(readFileSync(source, 'utf8')).toBe(readFileSync(join(root, 'src', place), 'utf8'));
  }
});

it('types that one file imports of another are there', () => {
  const missing = types.flatMap((path) =>
    [...readFileSync(join(dist, path), 'utf8').matchAll(/["'](\.{1,2}\/[^"'\n]+)["']/g)]
      .map(([, to = '']) => join(dist, dirname(path), to.replace(/\.[jt]s$/, '.d.ts')))
      .filter((to) => !existsSync(to)),
  );
  expect(missing).toEqual([]);
});
