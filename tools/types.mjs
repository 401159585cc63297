// Keeps of the emitted types what the fronts lead to, with the sources that their maps point at: an editor's "go to
// definition" then opens the source, which it cannot read from a map.
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

/** The types that one leads to, itself among them, without `.d.ts`. */
function reachedFrom(dist, name, seen) {
  if (seen.has(name)) return;
  seen.add(name);
  // Throws where there is none: types that lead nowhere are none.
  for (const [, path] of readFileSync(join(dist, `${name}.d.ts`), 'utf8').matchAll(IMPORTED))
    reachedFrom(dist, posix.join(posix.dirname(name), path), seen);
}

/** @param {{ dist: string, src: string, fronts: readonly string[] }} where */
export function keepReachedTypes({ dist, src, fronts }) {
  const reached = new Set();
  for (const front of fronts) reachedFrom(dist, front, reached);

  const emitted = readdirSync(dist, { recursive: true }).map((path) => path.split(sep).join('/'));
  for (const path of emitted.filter((each) => each.endsWith('.d.ts'))) {
    const name = path.replace(/\.d\.ts$/, '');
    if (reached.has(name)) withSource(dist, src, name);
    else for (const end of ['.d.ts', '.d.ts.map']) rmSync(join(dist, name + end));
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

/** Removes folders of types that are all gone. */
function removeEmpty(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    removeEmpty(path);
    if (readdirSync(path).length === 0) rmdirSync(path);
  }
}
