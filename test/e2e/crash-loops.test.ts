import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Prefork, type PreforkOptions } from 'forkless';
import { Fifo } from './fifo.ts';
import { event, type Peer, started } from './peers.ts';

let server: Prefork;
let folder: string;
let fifo: Fifo;

const become = (mood: string): void => {
  writeFileSync(join(folder, 'mood'), mood);
};

const start = async (options: PreforkOptions = {}): Promise<() => Peer> => {
  become('well');
  const env = { ...process.env, MOOD: join(folder, 'mood') };
  const prefork = await started('moody', { env, bootRetryDelay: 20, minUptime: 2_000, ...options });
  server = prefork.server;
  return prefork.peer;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forkless-'));
  fifo = new Fifo();
});

afterEach(async () => {
  become('well');
  fifo.remove();
  await server.close({ grace: 0 });
  rmSync(folder, { recursive: true });
});

const failuresOf = (degradation: { cause: string; failures?: number }): number =>
  degradation.cause === 'boot' ? (degradation.failures ?? 0) : 0;

describe.each([
  ['at boot', 'throws'],
  ['right after its boot', 'dies'],
])('a worker module that dies %s', (_, mood) => {
  it('is retried ever more slowly while the others serve on, and at once is well again when it is', async () => {
    const open = await start();
    const peer = open();
    await peer.until(/welcome/);
    const id = Number(/welcome (\d+)/.exec(peer.text)?.[1]);
    const births: number[] = [];
    server.on('workerSpawned', ({ worker }) => births.push(worker));
    const failing = event(server, 'degraded', (each) => failuresOf(each) === 4);
    become(mood);
    server.retire(3 - id);
    const degraded = (await failing) as { retryIn: number };
    expect(degraded).toMatchObject({ cause: 'boot' });
    expect(degraded.retryIn).toBeGreaterThan(40);
    expect(births.length).toBeLessThanOrEqual(8);
    expect(server.status()).toMatchObject({ degraded: ['boot'] });
    await peer.send('still here\n').until(/still here/);
    const recovered = event(server, 'recovered');
    become('well');
    expect(await recovered).toEqual({ cause: 'boot' });
    while (server.status().counts.ready < 2) await event(server, 'workerReady');
    expect(server.status().degraded).toEqual([]);
    peer.socket.destroy();
  });
});

describe('a pool without a worker', () => {
  it('tells waiting clients within waitTimeout, and serves again as soon as its module boots', async () => {
    const open = await start({ startWorkers: 1, minWorkers: 1, waitTimeout: 300, maxBootRetryDelay: 100 });
    const last = open();
    await last.until(/welcome/);
    become('throws');
    last.send('kill\n');
    await last.closed;
    const dropped = event(server, 'drop');
    const waiting = open();
    expect(await dropped).toMatchObject({ reason: 'wait-timeout' });
    await waiting.closed;
    server.configure({ waitTimeout: 20_000 });
    const lucky = open();
    become('well');
    await lucky.until(/welcome/);
    lucky.socket.destroy();
  });

  it('slows down for a module that dies at each first connection', async () => {
    const open = await start({
      startWorkers: 1,
      minWorkers: 1,
      bootRetryDelay: 50,
      graceTime: 60_000,
    });
    const first = open();
    await first.until(/welcome/);
    become('shy');
    const failing = event(server, 'degraded', (each) => failuresOf(each) === 4);
    server.retire(1);
    let over = false;
    let last = first;
    const again = (): void => {
      if (over) return;
      last = open();
      void last.closed.then(again);
    };
    again();
    expect(await failing).toMatchObject({ cause: 'boot' });
    await first.send('still here\n').until(/still here/);
    over = true;
    last.socket.destroy();
    first.socket.destroy();
  });
});

it.each(['worker', 'piscina', 'tinypool'] as const)(
  'on %s, a worker that crashes by an error that is its own cause harms nobody else',
  async (threadHost) => {
    const open = await start({ threadHost });
    const [one, other] = [open(), open()];
    await Promise.all([one.until(/welcome/), other.until(/welcome/)]);
    const exited = event(server, 'workerExited');
    one.send('throw its own cause\n');
    expect(await exited).toMatchObject({ reason: 'crashed', error: { message: 'its own cause' } });
    await other.send('still here\n').until(/still here/);
    other.socket.destroy();
  },
);

describe('reload() to a broken module', () => {
  it.each(['throws', 'mute', 'loops', 'native'])('that %s at boot rolls back', async (mood) => {
    const open = await start({ killTimeout: 100, maxZombies: 9 });
    const peer = open();
    await peer.until(/welcome/);
    become(`${mood} ${fifo.path}`);
    if (mood !== 'throws') server.configure({ bootTimeout: 700 });
    const failed: unknown = await server.reload().catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 'FORKLESS_RELOAD_FAILED',
      cause: { code: mood === 'throws' ? 'FORKLESS_BOOT_FAILED' : 'FORKLESS_BOOT_TIMEOUT' },
    });
    expect(server.status().generation).toBe(1);
    expect(server.status().workers.filter(({ phase }) => phase === 'ready')).toHaveLength(2);
    await peer.send('still here\n').until(/still here/);
    await open().until(/welcome/);
    become('well');
    fifo.release();
    server.configure({ bootTimeout: 30_000 });
    await server.reload();
    expect(server.status().generation).toBe(3);
    peer.socket.destroy();
  });

  it('fails all reloads that are pending, and goes back to what has booted', async () => {
    const open = await start();
    become('throws');
    const failed = await Promise.all(
      Array.from({ length: 12 }, () => server.reload().catch((error: unknown) => error)),
    );
    expect(failed.map((error) => (error as { code?: unknown }).code)).toEqual(
      failed.map(() => 'FORKLESS_RELOAD_FAILED'),
    );
    expect(server.status()).toMatchObject({ generation: 1, counts: { ready: 2 } });
    await open().until(/welcome/);
  });
});

describe('reload() again and again', () => {
  it('while others are pending resolves them all, without a warning of too many listeners', async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error): number => warnings.push(name);
    process.on('warning', onWarning);
    await start();
    await Promise.all(Array.from({ length: 20 }, () => server.reload()));
    await new Promise(setImmediate);
    process.off('warning', onWarning);
    expect(server.status()).toMatchObject({ generation: 21, counts: { ready: 2 } });
    expect(warnings).toEqual([]);
  });
});
