import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork } from 'forkless';
import { TRANSPORTS } from '../transports.ts';
import { event, started } from './peers.ts';

let server: Prefork;

afterEach(async () => {
  await server.close({ grace: 0 });
});

// Each is an error of its own to the filter.
const BAD = 'a0\0';
const GOOD = '1\0x';

describe.each(TRANSPORTS)('on %s, a peer whose input is nothing but errors', (transport) => {
  it(
    'costs the main thread a few events a second, all are counted, and a neighbour waits for nobody',
    { timeout: 120_000 },
    async () => {
      const one = await started('blocks', { transport, startWorkers: 1, minWorkers: 1, maxWorkers: 1 });
      server = one.server;
      let [events, counted] = [0, 0];
      server.on('handlerError', ({ callback, error, repeated }) => {
        expect([callback, error]).toMatchObject(['inputFilter', { code: 'FORKLESS_BAD_BLOCK_LENGTH' }]);
        events += 1;
        counted += 1 + repeated;
      });
      const [flooder, neighbour] = [one.peer(), one.peer()];
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      const from = performance.now();
      const [writes, each] = [30, 10_000];
      let slowest = 0;
      const flood = async (): Promise<void> => {
        for (let n = 0; n < writes; n += 1)
          if (!flooder.socket.write(BAD.repeat(each))) await once(flooder.socket, 'drain');
        await flooder.send(GOOD).until(/x/);
      };
      const flooded = flood();
      const state = { over: false };
      void flooded.finally(() => (state.over = true));
      let meanwhile = 0;
      for (let answers = 1; !state.over || answers < 10; answers += 1) {
        const asked = performance.now();
        await neighbour.send(GOOD).until(new RegExp(`^(?:1.x){${answers}}$`, 's'));
        slowest = Math.max(slowest, performance.now() - asked);
        if (!state.over) meanwhile += 1;
      }
      await flooded;
      while (counted < writes * each) await event(server, 'handlerError');
      const seconds = (performance.now() - from) / 1_000;
      delay.disable();
      console.log(
        `${counted} errors in ${seconds.toFixed(1)} s: ${events} events, the main thread was late by ` +
          `${(delay.max / 1e6).toFixed(0)} ms, a neighbour had ${meanwhile} answers, the slowest after ${slowest.toFixed(0)} ms`,
      );
      expect(counted).toBe(writes * each);
      expect(events).toBeLessThanOrEqual((seconds + 1) * 6);
      // Many for each write of the flood: an answer waits for a part of one only. How long that takes is the machine's.
      expect(meanwhile).toBeGreaterThan(3 * writes);
      expect(server.status().workers).toHaveLength(1);
      for (const { socket } of [flooder, neighbour]) socket.destroy();
    },
  );
});
