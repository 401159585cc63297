import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Prefork, type PreforkOptions, type StuckReport } from 'forkless';
import { Fifo } from './fifo.ts';
import { event, type Peer, started } from './peers.ts';

// A thread in a blocking system call: no Node can terminate it.
let server: Prefork;
let fifo: Fifo;

const QUICK: PreforkOptions = { workerExpireTime: 300, graceTime: 100, killTimeout: 100, maxWorkers: 2 };

const start = async (options: PreforkOptions = {}): Promise<() => Peer> => {
  const prefork = await started('stuck', { ...QUICK, ...options });
  server = prefork.server;
  return prefork.peer;
};

/** A client whose worker is stuck; resolves when that worker is a zombie. */
async function stick(open: () => Peer): Promise<{ victim: Peer; zombie: { worker: number } }> {
  const victim = open();
  await victim.until(/welcome/);
  const zombie = event(server, 'workerZombie');
  victim.send(`${fifo.path}\n`);
  return { victim, zombie: (await zombie) as { worker: number } };
}

beforeEach(() => {
  fifo = new Fifo();
});

afterEach(async () => {
  const zombies = server.status().counts.zombie;
  const gone = Promise.all(Array.from({ length: zombies }, () => once(server, 'workerExited')));
  fifo.release();
  await gone;
  await server.close({ grace: 0 });
  fifo.remove();
});

describe('a thread that cannot be terminated', () => {
  it('is named in event and status, its client is closed, its place is refilled, others serve on', async () => {
    const open = await start();
    const over = event(server, 'connectionClosed');
    const { victim, zombie } = await stick(open);
    const id = Number(/welcome (\d+)/.exec(victim.text)?.[1]);
    expect(zombie).toMatchObject({ worker: id, generation: 1, why: 'silent', clients: 1 });
    await victim.closed;
    expect(await over).toMatchObject({ worker: id, reason: 'worker-lost' });
    while (server.status().counts.ready < 2) await event(server, 'workerReady');
    const { workers, degraded, counts } = server.status();
    const stuck = { phase: 'zombie', leaving: 'silent', open: 0, served: 1 };
    expect(workers.find((worker) => worker.id === id)).toMatchObject(stuck);
    expect({ degraded, zombie: counts.zombie }).toEqual({ degraded: [], zombie: 1 });
    const other = open();
    await other.send('hello\n').until(/hello/);
    other.socket.destroy();
  });

  it('is no zombie any more once it ends after all', async () => {
    const { zombie } = await stick(await start());
    const exited = event(server, 'workerExited');
    fifo.release();
    expect(await exited).toMatchObject({ worker: zombie.worker, reason: 'terminated', why: 'silent' });
    expect(server.status().counts.zombie).toBe(0);
  });

  it('beyond maxZombies costs a place: degraded, and onStuck is asked, until it ends', async () => {
    const reports: StuckReport[] = [];
    const open = await start({ maxZombies: 0, onStuck: (report) => reports.push(report) });
    const degraded = event(server, 'degraded');
    await stick(open);
    expect(await degraded).toEqual({ cause: 'zombies', zombies: 1, maxZombies: 0 });
    expect(reports).toMatchObject([{ zombies: 1, maxZombies: 0 }]);
    // Its replacement was started above `maxWorkers`, before it was found to be stuck.
    expect(server.status()).toMatchObject({ degraded: ['zombies'], counts: { live: 2, zombie: 1 } });
    const worse = event(server, 'degraded');
    await stick(open);
    expect(await worse).toEqual({ cause: 'zombies', zombies: 2, maxZombies: 0 });
    expect(server.status()).toMatchObject({ degraded: ['zombies'], counts: { live: 1, zombie: 2 } });
    const other = open();
    await other.send('hello\n').until(/hello/);
    other.socket.destroy();
    const recovered = event(server, 'recovered');
    fifo.release();
    expect(await recovered).toEqual({ cause: 'zombies' });
    while (server.status().counts.ready < 2) await event(server, 'workerReady');
    expect(server.status().degraded).toEqual([]);
  });

  it('without onStuck is told as a process warning', async () => {
    const warned = new Promise((resolve) => {
      // That it hangs is told before, as nobody listens.
      const note = (warning: Error & { code?: string }): void => {
        if (warning.code !== 'FORKLESS_STUCK') return;
        process.off('warning', note);
        resolve(warning);
      };
      process.on('warning', note);
    });
    await stick(await start({ maxZombies: 0 }));
    expect(await warned).toMatchObject({
      message: expect.stringMatching(/^1 worker threads cannot be terminated \(maxZombies 0\)/) as string,
    });
  });

  it('does not keep close() from settling, which names it', async () => {
    const open = await start({ workerExpireTime: 60_000 });
    const victim = open();
    await victim.until(/welcome/);
    victim.send(`${fifo.path}\n`);
    const closed = event(server, 'closed');
    await server.close({ grace: 100 });
    const id = Number(/welcome (\d+)/.exec(victim.text)?.[1]);
    expect(await closed).toEqual({ zombies: [id] });
    await victim.closed;
  });

  it('does not keep reload() from bringing a new generation', async () => {
    const open = await start();
    await stick(open);
    while (server.status().counts.ready < 2) await event(server, 'workerReady');
    await server.reload();
    const live = server.status().workers.filter(({ phase }) => phase === 'ready');
    expect(live.every(({ generation }) => generation === 2)).toBe(true);
  });
});
