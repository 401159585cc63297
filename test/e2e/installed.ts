import { spawnSync } from 'node:child_process';

/** Whether a program is there to test with; says so aloud where it is not. `version` is how to ask it for a sign of life. */
export function installed(program: string, version = '--version'): boolean {
  if (spawnSync(program, [version], { stdio: 'ignore' }).error === undefined) return true;
  console.warn(`No \`${program}\` here: what it would test is SKIPPED`);
  return false;
}
