// Runs what is in test/soak for longer than the tests do: SOAK_SECONDS (60) each, with a seed of its own or SOAK_SEED.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
try {
  execFileSync(process.execPath, [vitest, 'run', '--maxWorkers=1', 'test/soak', ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
    env: { SOAK_SECONDS: '60', ...process.env },
  });
} catch {
  // Vitest has said what went wrong.
  process.exitCode = 1;
}
