// Keeps of the emitted types what the fronts lead to. Some come with maps and the sources that these point at, so that an
// editor's "go to definition" opens the source; it cannot read one that is inlined in a map.
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';

const IMPORTED = /(?:\bfrom |\bimport\(|\bimport )["'](\.[^"']+)\.[jt]s["']/g;

/** What the types of one file name, without `.d.ts`. Throws where there is no such file. */
const namedBy = (dist, name) =>
  [...readFileSync(join(dist, `${name}.d.ts`), 'utf8').matchAll(IMPORTED)].map(([, path]) =>
    posix.join(posix.dirname(name), path),
  );

function reachedFrom(dist, name, seen) {
  if (seen.has(name)) return;
  seen.add(name);
  for (const each of namedBy(dist, name)) reachedFrom(dist, each, seen);
}

/**
 * @param {object} where
 * @param {string} where.dist
 * @param {string} where.src
 * @param {readonly string[]} where.fronts
 * @param {readonly string[]} where.open those of them whose names lead to sources
 */
export function keepReachedTypes({ dist, src, fronts, open }) {
  const reached = new Set();
  for (const front of fronts) reachedFrom(dist, front, reached);
  const mapped = new Set([...open, ...open.flatMap((front) => namedBy(dist, front))]);

  const emitted = readdirSync(dist, { recursive: true }).map((path) => path.split(sep).join('/'));
  for (const path of emitted.filter((each) => each.endsWith('.d.ts'))) {
    const name = path.replace(/\.d\.ts$/, '');
    if (mapped.has(name)) withSource(dist, src, name);
    else withoutMap(join(dist, path));
    if (!reached.has(name)) rmSync(join(dist, path));
  }
  removeEmpty(dist);
}

function withSource(dist, src, name) {
  const copy = join(dist, 'src', `${name}.ts`);
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(join(src, `${name}.ts`), copy);
  const file = join(dist, `${name}.d.ts.map`);
  const map = JSON.parse(readFileSync(file, 'utf8'));
  map.sources = [relative(dirname(file), copy).split(sep).join('/')];
  writeFileSync(file, JSON.stringify(map));
}

function withoutMap(file) {
  rmSync(`${file}.map`);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/\/\/# sourceMappingURL=.*\s*$/, ''));
}

/** Removes folders of types that are all gone. */
function removeEmpty(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    removeEmpty(path);
    if (readdirSync(path).length === 0) rmdirSync(path);
  }
}
