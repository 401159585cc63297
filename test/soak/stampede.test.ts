import { once } from 'node:events';
import { randomFillSync } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type WorkerExit } from 'forkless';
import { event, type Peer, started } from '../e2e/peers.ts';

const MIB = 1_048_576;

const echo = async (peer: Peer, bytes: Buffer): Promise<'whole' | 'cut'> => {
  peer.socket.end(bytes);
  await peer.closed;
  if (peer.bytes.equals(bytes)) return 'whole';
  // A client of a victim may get a beginning of its bytes, never others.
  expect(bytes.subarray(0, peer.bytes.length).equals(peer.bytes)).toBe(true);
  return 'cut';
};

/** What is in use once the garbage is gone; that of threads goes only some turns after their end. */
async function inUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let n = 0; n < 10; n += 1) {
    collect();
    await new Promise(setImmediate);
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

describe('under load', () => {
  it('10,000 connections through 4 workers while workers are killed: every byte right, none waits for ever, the pool is back to size', async () => {
    const { server, peer } = await started('stampede', {
      startWorkers: 4,
      maxWorkers: 8,
      maxSpareWorkers: 8,
      // Or so many young deaths would be a crash loop, which is slowed down.
      minUptime: 1,
    });
    let left = 0;
    let kills = 0;
    // By the clock and not by progress: what a kill costs must not depend on how far the others are. But one after the other:
    // on a slow machine several would meet in one worker.
    const killer = async (): Promise<void> => {
      while (left > 0) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        kills += 1;
        expect(await echo(peer(), Buffer.from([0xfe]))).toBe('cut');
      }
    };
    const outcome = { whole: 0, cut: 0 };
    const client = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const bytes = randomFillSync(Buffer.allocUnsafe(1 + ((left * 37) % 4_000)));
        bytes[0] = left % 200;
        outcome[await echo(peer(), bytes)] += 1;
      }
    };
    const stampede = async (connections: number): Promise<void> => {
      left = connections;
      await Promise.all([killer(), ...Array.from({ length: 32 }, client)]);
    };
    // The clients are in this process. What they and a pool that has grown need, is there after the first of them.
    await stampede(2_000);
    await inUse();
    const before = process.memoryUsage.rss();
    await stampede(10_000);
    while (server.status().counts.ready < 4) await once(server, 'workerReady');
    while (server.status().connections.open > 0) await once(server, 'connectionClosed');
    const { connections, exits } = server.status();
    console.log(`connections ${JSON.stringify(outcome)}, kills ${kills}, exits ${JSON.stringify(exits)}`);
    // Only clients that were on a victim at its end may have been cut: at most all 31 others each time.
    expect(outcome.whole + outcome.cut).toBe(12_000);
    expect(outcome.cut).toBeLessThanOrEqual(kills * 31);
    expect(connections.drops).toEqual({});
    expect(exits.exited).toBe(kills);
    await inUse();
    expect((process.memoryUsage.rss() - before) / MIB).toBeLessThan(150);
    await server.close();
    expect(server.status()).toMatchObject({ workers: [], connections: { open: 0, waiting: 0 } });
  }, 240_000);

  it('one of four workers blocked for ever, a new connection every 2 ms: nothing is lost but what it had claimed', async () => {
    const { server, peer } = await started('stampede', {
      startWorkers: 4,
      maxWorkers: 8,
      claimTimeout: 100,
      workerExpireTime: 600,
      graceTime: 300,
    });
    const victim = peer().send(Buffer.from([0xff]));
    const results: Promise<'whole' | 'cut'>[] = [];
    const killed = event(server, 'workerExited', ({ why }: WorkerExit) => why === 'silent');
    for (let n = 0; n < 1_000; n += 1) {
      results.push(echo(peer(), Buffer.from(`hello ${n}`)));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const all = await Promise.all(results);
    // Those accepted in the moment before it blocked may have been claimed by it.
    expect(all.filter((each) => each === 'cut').length).toBeLessThanOrEqual(1);
    expect(await killed).toMatchObject({ reason: 'terminated' });
    await victim.closed;
    expect(server.status().connections.drops).toEqual({});
    await server.close();
  }, 240_000);

  it('100 times started and closed: no handle, no memory', async () => {
    const once = async (): Promise<void> => {
      const { server, peer } = await started('stampede', { startWorkers: 1, minWorkers: 1 });
      expect(await echo(peer(), Buffer.from('hello'))).toBe('whole');
      await server.close();
    };
    for (let n = 0; n < 10; n += 1) await once();
    const handles = process.getActiveResourcesInfo().length;
    const [before, resident] = [await inUse(), process.memoryUsage.rss()];
    for (let n = 0; n < 90; n += 1) await once();
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(handles);
    // The rings of 90 workers, a MiB each, may not have been collected before; a thread that stays is more.
    expect((process.memoryUsage.rss() - resident) / MIB).toBeLessThan(150);
    expect(((await inUse()) - before) / MIB).toBeLessThan(8);
  }, 240_000);
});
