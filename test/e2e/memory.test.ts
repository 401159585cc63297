import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork, type PreforkOptions } from 'forkless';
import { event, started } from './peers.ts';

let server: Prefork;

afterEach(async () => {
  await server.close({ grace: 0 });
});

describe('a worker that leaks', () => {
  it.each<[string, PreforkOptions]>([
    ['heap 64', { maxHeap: 50 * 1_048_576 }],
    ['external 64', { maxExternal: 50 * 1_048_576 }],
  ])(
    '%s is replaced, after its successor stands, and its client is served to the end',
    async (line, bound) => {
      const one = await started('leaks', {
        startWorkers: 1,
        minWorkers: 1,
        workerExpireTime: 60_000,
        ...bound,
      });
      server = one.server;
      const peer = one.peer();
      await peer.send('nothing 0\n').until(/1 has leaked/);
      const events: string[] = [];
      server.on('workerReady', ({ worker }) => events.push(`ready ${worker}`));
      server.on('workerRetiring', ({ worker, why }) => events.push(`retiring ${worker} ${why}`));
      const retiring = event(server, 'workerRetiring');
      peer.send(`${line}\n`);
      await retiring;
      expect(events).toEqual(['ready 2', 'retiring 1 memory']);
      await peer.send('nothing 0\n').until(/(?:1 has leaked\r\n){3}/);
      const exited = event(server, 'workerExited');
      peer.socket.end();
      expect(await exited).toMatchObject({ worker: 1, reason: 'left', why: 'memory' });
      expect(server.status().counts).toMatchObject({ ready: 1, zombie: 0 });
    },
  );
});
