import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');
const types = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.d.ts'),
);

const mapped = types.filter((path) => existsSync(join(dist, `${path}.map`)));

it('types with a map lead to the source that is packed with them, which is that of the checkout', () => {
  expect(mapped).toContain(join('main', 'prefork', 'prefork.d.ts'));
  for (const path of mapped) {
    const file = join(dist, path);
    const map = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[]; sourceRoot: string };
    const source = join(dirname(file), map.sources[0] ?? '');
    const place = relative(join(dist, 'src'), source);
    expect([map.sources.length, map.sourceRoot, place]).toEqual([1, '', path.replace(/\.d\.ts$/, '.ts')]);
    expect(readFileSync(source, 'utf8')).toBe(readFileSync(join(root, 'src', place), 'utf8'));
  }
});

it('no others name a map', () => {
  const naming = types.filter((path) => readFileSync(join(dist, path), 'utf8').includes('sourceMappingURL'));
  expect(naming).toEqual(mapped);
});

it('types that one file imports of another are there', () => {
  const missing = types.flatMap((path) =>
    [...readFileSync(join(dist, path), 'utf8').matchAll(/["'](\.{1,2}\/[^"'\n]+)["']/g)]
      .map(([, to = '']) => join(dist, dirname(path), to.replace(/\.[jt]s$/, '.d.ts')))
      .filter((to) => !existsSync(to)),
  );
  expect(missing).toEqual([]);
});
