import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HostName, type Prefork, type PreforkEvents, type PreforkOptions } from 'forkless';
import { Fifo } from './fifo.ts';
import { event, type Peer, started } from './peers.ts';

let server: Prefork;
let fifo: Fifo;
let told: string[];

const start = async (name: string, options: PreforkOptions = {}): Promise<() => Peer> => {
  const prefork = await started(name, { workerExpireTime: 400, graceTime: 1_500, ...options });
  server = prefork.server;
  told = [];
  for (const each of ['workerRetiring', 'workerExpired', 'workerKilled', 'workerExited'] as const)
    server.on(each, () => told.push(each));
  return prefork.peer;
};

type Expired = PreforkEvents['workerExpired'][0];

/** Blocks a worker by that line; resolves with what is told of it. */
async function block(open: () => Peer, line: string): Promise<{ peer: Peer; id: number; expired: Expired }> {
  const peer = open();
  await peer.until(/welcome/);
  const expired = event(server, 'workerExpired');
  peer.send(`${line}\n`);
  const id = Number(/welcome (\d+)/.exec(peer.text)?.[1]);
  return { peer, id, expired: (await expired) as Expired };
}

beforeEach(() => {
  fifo = new Fifo();
});

afterEach(async () => {
  fifo.remove();
  await server.close({ grace: 0 });
});

const measuresCpu = Number(process.versions.node.split('.')[0]) >= 22;

describe('the evidence of an expired worker', () => {
  it.each<HostName>(['worker', 'piscina', 'tinypool'])(
    'names client and place of a loop, before it is killed, on %s',
    async (threadHost) => {
      const open = await start('commands', { threadHost });
      const { peer, id, expired } = await block(open, 'hang');
      expect(expired).toMatchObject({
        worker: id,
        generation: 1,
        lastClient: { remoteAddress: '127.0.0.1', remotePort: peer.socket.localPort },
      });
      expect(expired.stack[0]).toMatch(/^hang \(file:.*commands\.mjs:\d+:\d+\)$/);
      expect(expired.silentFor).toBeGreaterThanOrEqual(400);
      expect(expired.lastClientAge).toBeGreaterThan(0);
      expect(expired.utilization).toBeGreaterThan(0.5);
      if (measuresCpu) expect(expired.cpuTime).toBeGreaterThan(0);
      expect(told).toEqual(['workerExpired', 'workerRetiring']);
      const { workers } = server.status();
      expect(workers.find((worker) => worker.id === id)?.evidence?.stack).toEqual(expired.stack);
      const exited = event(server, 'workerExited');
      expect(await exited).toMatchObject({ worker: id, reason: 'terminated', why: 'silent' });
      expect(server.status().workers.some(({ evidence }) => evidence !== undefined)).toBe(false);
    },
  );

  it('has no stack of a native call, but the client', async () => {
    const open = await start('stuck', { graceTime: 200, killTimeout: 100 });
    const { peer, expired } = await block(open, fifo.path);
    expect(expired).toMatchObject({ lastClient: { remotePort: peer.socket.localPort }, stack: [] });
    const zombie = await event(server, 'workerZombie');
    expect(zombie).toMatchObject({ lastClient: { remotePort: peer.socket.localPort }, clients: 1 });
    const exited = event(server, 'workerExited');
    fifo.release();
    await exited;
  });

  it('is told before a kill that comes at once, and does not hold it up', async () => {
    const open = await start('commands', { graceTime: 1 });
    const exited = event(server, 'workerExited');
    await block(open, 'hang');
    await exited;
    expect(told).toEqual(['workerExpired', 'workerRetiring', 'workerKilled', 'workerExited']);
  });

  it('lets a worker go on that was only late', async () => {
    const open = await start('stuck', { graceTime: 60_000 });
    const { peer } = await block(open, fifo.path);
    fifo.release();
    await peer.send('hello\n').until(/hello/);
    const exited = event(server, 'workerExited');
    peer.socket.end();
    expect(await exited).toMatchObject({ reason: 'left', why: 'silent' });
  });
});
