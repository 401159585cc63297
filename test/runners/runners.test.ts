import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Program } from '../e2e/program.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const SCENARIO = new URL('./scenario.js', import.meta.url).href;

const { scenario } = (await import(SCENARIO)) as { scenario: (extra?: object) => Promise<void> };

async function outcome(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: unknown; said: string }> {
  const program = new Program(process.execPath, args, {
    ...env,
    NODE_V8_COVERAGE: undefined,
    NODE_TEST_CONTEXT: undefined,
  });
  program.process.stdin.end();
  return { code: await program.exited, said: program.said };
}

const jest = ((): string | undefined => {
  try {
    return createRequire(import.meta.url).resolve('jest/bin/jest');
  } catch {
    console.warn('No jest here: forkless/testing under jest is NOT TESTED');
    return undefined;
  }
})();

describe('forkless/testing works under', () => {
  it('vitest', async () => {
    await scenario();
  });

  it('vitest, which transforms the workers', async () => {
    await scenario({ load: (url: string) => import(/* @vite-ignore */ url) });
  });

  it('node:test', async () => {
    const { code, said } = await outcome(['--test', `${folder}node.mjs`]);
    expect(said).toMatch(/pass 1\b/);
    expect(code).toBe(0);
  });

  it.skipIf(jest === undefined)('jest', async () => {
    const config = JSON.stringify({
      rootDir: folder,
      testMatch: ['**/jest.mjs'],
      transform: {},
      moduleFileExtensions: ['mjs', 'js'],
    });
    const { code, said } = await outcome([
      '--experimental-vm-modules',
      jest ?? '',
      '--config',
      config,
      '--watchman=false',
      '--cache=false',
    ]);
    expect(said).toMatch(/1 passed, 1 total/);
    expect(code).toBe(0);
  });
});

it('a prefork that no test ends is told, with the line where it was made', async () => {
  const { code, said } = await outcome([`${folder}forgets-end.mjs`]);
  expect(said).toMatch(
    /\[FORKLESS_NEVER_ENDED\] ForklessWarning: The prefork that was made at \S*forgets-end\.mjs:4:16 was not ended/,
  );
  expect(said.match(/FORKLESS_/g)).toHaveLength(1);
  expect(code).toBe(0);
});
