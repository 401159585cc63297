import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Program } from './program.ts';

const MODULE = fileURLToPath(new URL('../handlers/uncaught.mjs', import.meta.url));
const COMMON = fileURLToPath(new URL('../handlers/uncaught.cjs', import.meta.url));

let program: Program;

afterEach(async () => {
  await program.end();
});

/** What it prints on its way to the end. */
async function said(file: string, name: string): Promise<string> {
  program = new Program(process.execPath, [file, name]);
  expect(await program.exited).toBe(1);
  return program.said;
}

/** The places in it, in order, without those of Node. */
const placesOf = (text: string): string[] =>
  [...text.matchAll(/(?:file:\/\/)?(\/[^\s():]*:\d+)/g)].map(([, place]) => place ?? '');

function place(file: string, name: string): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  return `${file}:${lines.findIndex((line) => line.endsWith(`// ${name}`)) + 1}`;
}

describe("an uncaught error shows the user's line first", () => {
  it.each([
    ['option', 'FORKLESS_UNKNOWN_OPTION'],
    ['handler', 'FORKLESS_UNKNOWN_OPTION'],
    ['port', 'FORKLESS_BAD_OPTION'],
    ['stray', 'FORKLESS_UNKNOWN_OPTION'],
    ['boot', 'FORKLESS_BOOT_FAILED'],
    ['taken', 'EADDRINUSE'],
    ['host', 'ENOTFOUND'],
    ['state', 'FORKLESS_WRONG_STATE'],
    ['later', 'FORKLESS_WRONG_STATE'],
    ['poe', 'FORKLESS_BAD_OPTION'],
    ['serve', 'FORKLESS_NOT_A_WORKER'],
    ['http', 'FORKLESS_BAD_OPTION'],
    ['testing', 'FORKLESS_BAD_OPTION'],
    ['line', 'FORKLESS_UNKNOWN_OPTION'],
    ['block', 'FORKLESS_BAD_OPTION'],
  ])('%s', async (name, code) => {
    const text = await said(MODULE, name);
    expect(text).toContain(`code: '${code}'`);
    expect(placesOf(text)[0]).toBe(place(MODULE, name));
  });

  it('and says of a port that the process itself has taken it', async () => {
    const text = await said(MODULE, 'taken');
    expect(text).toMatch(
      /^Error: listen EADDRINUSE: .* \(a server of this process listens there: take out its call of/m,
    );
    expect(text).toContain("syscall: 'listen'");
  });

  it('from CommonJS', async () => {
    const text = await said(COMMON, 'option');
    expect(text).toContain('did you mean `port`?');
    expect(placesOf(text)[0]).toBe(place(COMMON, 'option'));
  });
});
