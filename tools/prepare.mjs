// Brings a checkout to a state in which it runs: dependencies as locked, dist as built from src. Does nothing
// where both are up to date, so that a second start is quick.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : -Infinity);
const newestIn = (folder) =>
  Math.max(...readdirSync(folder, { recursive: true }).map((name) => changedAt(join(folder, name))));

function run(...args) {
  const npm = process.env.npm_execpath;
  const [file, argv] = npm ? [process.execPath, [npm, ...args]] : ['npm', args];
  execFileSync(file, argv, { cwd: root, stdio: 'inherit', shell: !npm && process.platform === 'win32' });
}

const lock = join(root, 'package-lock.json');
if (changedAt(join(root, 'node_modules', '.package-lock.json')) < changedAt(lock)) {
  console.log('Installing the dependencies …');
  run('ci', '--no-audit', '--no-fund', '--loglevel=error');
}

const recipe = ['tsconfig.json', 'tools/build.mjs', 'tools/types.mjs'].map((name) =>
  changedAt(join(root, name)),
);
const sources = Math.max(newestIn(join(root, 'src')), ...recipe);
if (changedAt(join(root, 'dist', 'worker.js')) < sources) {
  console.log('Building …');
  run('run', '--silent', 'build');
}
