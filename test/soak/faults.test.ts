import { afterEach, describe, expect, it } from 'vitest';
import { FaultSoak } from './faults.ts';
import { TRANSPORTS } from '../transports.ts';
import { SECONDS, SEED } from './terms.ts';

let soak: FaultSoak | undefined;

afterEach(async () => {
  await soak?.end();
});

const MIB = 1_048_576;

describe.each(TRANSPORTS)('faults under load by %s', (transport) => {
  it(
    'lose nothing but the clients of their victims, and leave a pool that is whole',
    async () => {
      soak = new FaultSoak(SEED, transport);
      console.log(
        `faults under load by ${transport}, SOAK_SEED=${SEED}, ${SECONDS} s on Node ${process.version}`,
      );
      const { faults, outcomes, bytes, unaccounted, losses, before, after, closed } = await soak.run(SECONDS);
      console.log(
        [
          `faults: ${JSON.stringify(faults)}`,
          `clients: ${JSON.stringify(outcomes)}; ${(bytes / MIB).toFixed(0)} MiB checked; losses: ${losses.length}`,
          `exits: ${JSON.stringify(after.exits)}; memory: ${(before.rss / MIB).toFixed(0)} MiB before, ${(after.rss / MIB).toFixed(0)} MiB after, of that JS heap and buffers ${(before.kept / MIB).toFixed(1)} and ${(after.kept / MIB).toFixed(1)} MiB`,
          `longest time without a ready worker: ${after.longestLack.toFixed(0)} ms`,
        ].join('\n'),
      );
      expect(losses).toEqual([]);
      // Who comes while no descriptor is left is closed by libuv itself, without a word to anybody.
      if (faults['EMFILE'] === undefined) expect(unaccounted).toBe(0);
      expect(unaccounted).toBeLessThan(1 + (faults['EMFILE'] ?? 0) * 400);
      expect(after.workers.every(({ open, owed }) => open === 0 && owed === 0)).toBe(true);
      expect(after.resources['TCPSocketWrap'] ?? 0).toBe(0);
      // Not RSS: what threads gave back, the allocator keeps.
      expect((after.kept - before.kept) / MIB).toBeLessThan(40);
      expect(closed).toMatchObject({ state: 'closed', workers: [], connections: { open: 0, waiting: 0 } });
      for (const name of ['TCPServerWrap', 'TCPSocketWrap', 'MessagePort', 'Worker', 'WORKER'])
        expect(closed.resources[name] ?? 0, name).toBe(0);
    },
    SECONDS * 1_000 + 120_000,
  );
});
