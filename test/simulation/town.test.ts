import { describe, expect, it } from 'vitest';
import { lifeOf } from './town.ts';
import { few, tries, WHOLE } from '../effort.ts';

// Enough for each kind of fault to come about.
const STEPS = WHOLE ? 200_000 : 80_000;

describe('a whole prefork over fake threads, ports, rings, peers and time', () => {
  // Pinned: a bug that one seed does not meet, another one does. `npm run soak` takes others.
  it.each(few([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))(
    'keeps its promises whatever happens, seed %i',
    { timeout: 120_000 },
    async (seed) => {
      const { tally, steps } = await lifeOf(seed, STEPS);
      expect(steps).toBeGreaterThanOrEqual(STEPS);
      for (const what of [
        'crash',
        'hang',
        'zombie',
        'exit boot-failed',
        'worker-lost',
        'first-byte-timeout',
        'late',
        'reload done',
        'whole',
      ])
        expect(tally[what], what).toBeGreaterThan(0);
    },
  );

  it('is one history for one seed', async () => {
    const [one, same, other] = [
      await lifeOf(11, tries(20_000)),
      await lifeOf(11, tries(20_000)),
      await lifeOf(12, tries(20_000)),
    ];
    expect([same.digest, same.tally]).toEqual([one.digest, one.tally]);
    expect(other.digest).not.toBe(one.digest);
  });
});
