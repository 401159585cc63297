import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname } from 'node:path';

/**
 * Where the figures come from: without it they mean nothing.
 * @param {import('../runner/plan.mjs').Plan} plan
 */
export function origin(plan) {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return {
    forkless: String(version),
    node: process.version,
    date: new Date().toISOString(),
    platform: `${process.platform} ${release()} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    plan,
  };
}

/**
 * @param {string | URL} path
 * @param {unknown} content
 */
export function writeJson(path, content) {
  writeFile(path, `${JSON.stringify(content, null, 2)}\n`);
}

/**
 * @param {string | URL} path
 * @param {string} text
 */
export function writeFile(path, text) {
  mkdirSync(path instanceof URL ? new URL('.', path) : dirname(path), { recursive: true });
  writeFileSync(path, text);
}
