import { describe, expect, it } from 'vitest';
import { lifeOf } from '../simulation/town.ts';
import { SECONDS, SEED } from './terms.ts';

const STEPS = 100_000;

describe('the simulation', () => {
  it(
    'keeps its promises under seeds that nobody has tried',
    async () => {
      const end = performance.now() + SECONDS * 1_000;
      let seed = SEED;
      let steps = 0;
      do {
        try {
          steps += (await lifeOf(seed, STEPS)).steps;
        } catch (cause) {
          throw new Error(`replay it with SOAK_SEED=${seed}`, { cause });
        }
        seed += 1;
      } while (performance.now() < end);
      console.log(`${steps} steps, SOAK_SEED=${SEED} to ${seed - 1}`);
      expect(steps).toBeGreaterThanOrEqual(STEPS);
    },
    SECONDS * 1_000 + 60_000,
  );
});
