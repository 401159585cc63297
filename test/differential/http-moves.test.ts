import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { playsByHand } from './by-hand.ts';
import { movingPrograms } from './exchange.ts';
import { HttpSides } from './http-sides.ts';
import { play } from './run.ts';

const sides = new HttpSides(['relay'], true);

describe('one listener on http and on forkless, whose workers come and go', () => {
  beforeAll(() => sides.open());
  afterAll(() => sides.close());

  if (playsByHand(() => sides, { movingPrograms })) return;

  it.each([8, 9])(
    'agree on what clients see, seed %i',
    async (seed) => {
      const before = sides.left;
      expect(await play(sides, movingPrograms, { seed, runs: 40 })).toBeGreaterThanOrEqual(40);
      expect(sides.left - before).toBeGreaterThan(20);
    },
    60_000,
  );
});
