import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} folder */
function folderSize(folder) {
  const inner = readdirSync(folder, { recursive: true, withFileTypes: true });
  return inner
    .filter((entry) => entry.isFile() && !join(entry.parentPath, entry.name).includes('/.bin/'))
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** @param {string} root */
function ownSize(root) {
  const npm = process.env['npm_execpath'];
  const [file, first] = npm ? [process.execPath, [npm]] : ['npm', []];
  const argv = [...first, 'pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'];
  return JSON.parse(
    execFileSync(file, argv, { cwd: root, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 }),
  )[0].unpackedSize;
}

/**
 * What an installation of the package with its production dependencies takes on this platform, bytes of file content.
 * @param {string} root of the checkout
 * @returns {{ own: number, dependencies: number, names: string[] }}
 */
export function installedSize(root) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const folders = Object.keys(lock.packages)
    .filter((path) => path !== '' && !lock.packages[path].dev && !lock.packages[path].devOptional)
    .filter((path) => existsSync(join(root, path)));
  const nested = (/** @type {string} */ path) => folders.some((other) => path.startsWith(`${other}/`));
  const outermost = folders.filter((path) => !nested(path));
  const dependencies = outermost.reduce((sum, path) => sum + folderSize(join(root, path)), 0);
  return {
    own: ownSize(root),
    dependencies,
    names: folders.map((path) => path.replace(/^.*node_modules\//, '')),
  };
}
