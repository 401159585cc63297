import { readFileSync } from 'node:fs';
import type fc from 'fast-check';
import { it } from 'vitest';
import { play, playAgain, type Played } from './run.ts';

const {
  DIFFERENTIAL_PROGRAM: program,
  DIFFERENTIAL_SEED: seed,
  DIFFERENTIAL_PATH: path,
  DIFFERENTIAL_RUNS: runs = '100',
} = process.env;

// Luck has a part in it.
const TIMES = 30;

/**
 * Plays what the environment names instead of what is pinned: a program (JSON, or the path of a file of it), or a seed with
 * the path to a failure. Returns whether there is any.
 */
export function playsByHand<P>(
  sides: () => Played<P>,
  programs: Readonly<Record<string, fc.Arbitrary<P>>>,
): boolean {
  if (program !== undefined) {
    const text = program.startsWith('{') ? program : readFileSync(program, 'utf8');
    it('the given program', () => playAgain(sides(), JSON.parse(text) as P, TIMES), 600_000);
  } else if (seed !== undefined)
    it.each(Object.entries(programs))(
      '%s, by the given seed',
      async (_, each) => {
        await play(sides(), each, { seed: Number(seed), runs: Number(runs), path });
      },
      600_000,
    );
  return program !== undefined || seed !== undefined;
}
