import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../transports.ts';
import { playsByHand } from './by-hand.ts';
import { httpPrograms } from './exchange.ts';
import { HttpSides } from './http-sides.ts';
import { play } from './run.ts';

const sides = new HttpSides(TRANSPORTS);

describe('one listener on http and on forkless', () => {
  beforeAll(() => sides.open());
  afterAll(() => sides.close());

  if (playsByHand(() => sides, { httpPrograms })) return;

  it.each([6, 7])(
    'agree on answers and callbacks, seed %i',
    async (seed) => {
      expect(await play(sides, httpPrograms, { seed, runs: 30 })).toBeGreaterThanOrEqual(30);
    },
    120_000,
  );
});
