import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork, type PreforkOptions } from 'forkless';
import { event, type Peer, started } from './peers.ts';

describe('pause and resume of one worker', () => {
  let server: Prefork;
  let log: string[];
  const start = async (options: PreforkOptions = {}): Promise<() => Peer> => {
    const prefork = await started('commands', { workerExpireTime: 60_000, ...options });
    server = prefork.server;
    log = [];
    server.on('workerPaused', ({ worker }) => log.push(`paused ${worker}`));
    server.on('workerResumed', ({ worker }) => log.push(`resumed ${worker}`));
    return prefork.peer;
  };
  const served = async (peer: Peer): Promise<string> => {
    const [, id = ''] = /welcome (\d+)/.exec(await peer.until(/welcome \d+\r/)) ?? [];
    peer.socket.destroy();
    return id;
  };

  afterEach(async () => {
    await server.close({ grace: 0 });
  });

  it('a paused worker gets nobody new and serves on whom it has, the others get all', async () => {
    // A third would be born as soon as one of the two has a client.
    const open = await start({ maxWorkers: 2 });
    const held = open();
    const [, id] = /welcome (\d)/.exec(await held.until(/welcome \d/)) ?? [];
    const other = id === '1' ? '2' : '1';
    server.pause(Number(id));
    const peers = Array.from({ length: 10 }, open);
    expect(new Set(await Promise.all(peers.map(served)))).toEqual(new Set([other]));
    await held.send('still here\n').until(/: still here/);
    held.socket.destroy();
    expect(log).toEqual([`paused ${id}`]);
  });

  it('connections wait while the only worker is paused, and come when it is resumed', async () => {
    const open = await start({ startWorkers: 1, maxWorkers: 1 });
    server.pause(1);
    server.pause(1);
    const peer = open();
    while (server.status().connections.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(server.status()).toMatchObject({ paused: false, workers: [{ paused: true }] });
    server.resume(1);
    server.resume(1);
    expect(await served(peer)).toBe('1');
    expect(log).toEqual(['paused 1', 'resumed 1']);
  });

  it('what a worker said of itself can be taken back here, and the other way round', async () => {
    const open = await start({ startWorkers: 1, maxWorkers: 1 });
    const peer = open();
    const paused = event(server, 'workerPaused');
    peer.send('pause\n');
    expect(await paused).toEqual({ worker: 1 });
    server.resume(1);
    expect(server.status().workers).toMatchObject([{ paused: false }]);
    server.pause(1);
    const resumed = event(server, 'workerResumed');
    peer.send('resume\n');
    expect(await resumed).toEqual({ worker: 1 });
    expect(await served(peer)).toBe('1');
  });

  it('a worker that is born while another is paused takes what waits', async () => {
    const open = await start({ startWorkers: 1, maxWorkers: 2 });
    server.pause(1);
    expect(await served(open())).toBe('2');
  });

  it('is for workers that there are, of a prefork that runs', async () => {
    await start();
    const missing = expect.objectContaining({ code: 'FORKLESS_NO_SUCH_WORKER' }) as Error;
    for (const id of [0, 99, 'all' as never]) {
      expect(() => {
        server.pause(id);
      }).toThrow(missing);
      expect(() => {
        server.resume(id);
      }).toThrow(missing);
    }
    await server.close({ grace: 0 });
    expect(() => {
      server.pause(1);
    }).toThrow(expect.objectContaining({ code: 'FORKLESS_WRONG_STATE' }) as Error);
  });
});
