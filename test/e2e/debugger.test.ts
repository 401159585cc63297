import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPrefork, type HostName, type Prefork, type PreforkOptions } from 'forkless';
import { Developer } from '../developer.ts';
import { event, handlers, type Peer, started } from './peers.ts';

const FAST: PreforkOptions = {
  startWorkers: 1,
  maxWorkers: 2,
  workerExpireTime: 300,
  graceTime: 300,
  killTimeout: 1_000,
};

let server: Prefork;
let developer: Developer;
let told: string[];

/** A client whose worker stands at a breakpoint. */
async function stop(options: PreforkOptions = {}): Promise<{ peer: Peer; id: number; thread: number }> {
  const prefork = await started('commands', { ...FAST, ...options });
  server = prefork.server;
  told = [];
  for (const each of ['workerRetiring', 'workerExpired', 'workerKilled', 'workerExited'] as const)
    server.on(each, () => told.push(each));
  const peer = prefork.peer();
  await peer.until(/welcome/);
  const id = Number(/welcome (\d+)/.exec(peer.text)?.[1]);
  const thread = statusOf(id)?.threadId ?? 0;
  await developer.attach(thread);
  peer.send('stop\n');
  await developer.paused(thread);
  return { peer, id, thread };
}

const statusOf = (id: number) => server.status().workers.find((worker) => worker.id === id);

beforeEach(() => {
  developer = new Developer();
});

afterEach(async () => {
  await server.close({ grace: 0 });
  developer.leave();
});

describe('a worker that stands at a breakpoint', () => {
  it.each<HostName>(['worker', 'piscina', 'tinypool'])('is waited for, on %s', async (threadHost) => {
    const held = vi.fn();
    const { peer, id, thread } = await stop({ threadHost });
    server.on('workerDebugged', held);
    expect(await event(server, 'workerDebugged')).toEqual({ worker: id, generation: 1 });
    expect(statusOf(id)).toMatchObject({ phase: 'ready', debugged: true });
    // Looked at again and again meanwhile: by the fourth time it would have been killed thrice.
    await vi.waitFor(() => {
      expect(statusOf(id)?.age).toBeGreaterThan(2_500);
    }, 20_000);
    expect([told, held.mock.calls.length, developer.count(thread, 'Debugger.resumed')]).toEqual([[], 1, 0]);
    await developer.send(thread, 'Debugger.resume');
    await peer.until(/went on/);
    await vi.waitFor(() => {
      expect(statusOf(id)?.debugged).toBe(false);
    }, 20_000);
    expect(told).toEqual([]);
  });

  it('is waited for when it was asked to leave, and leaves then', async () => {
    const { peer, id, thread } = await stop();
    server.retire(id);
    expect(await event(server, 'workerDebugged')).toMatchObject({ worker: id });
    expect(statusOf(id)).toMatchObject({ phase: 'draining', debugged: true });
    const exited = event(server, 'workerExited', (exit: { worker: number }) => exit.worker === id);
    await developer.send(thread, 'Debugger.resume');
    await peer.until(/went on/);
    peer.socket.end();
    expect(await exited).toMatchObject({ reason: 'left', why: 'asked' });
  });

  it.each([0, 100])('does not keep close({ grace: %i }) from ending, and nothing is left', async (grace) => {
    const zombies = vi.fn();
    await stop({ graceTime: 60_000 });
    server.on('closed', zombies);
    await server.close({ grace });
    expect(zombies).toHaveBeenCalledWith({ zombies: [] });
    expect(told).toContain('workerKilled');
  });
});

describe('a worker that waits for a debugger before its first line', () => {
  it('is waited for longer than bootTimeout, until it is told to run', async () => {
    developer.leave();
    developer = new Developer({ waitOnStart: true });
    server = createPrefork({
      ...FAST,
      worker: handlers('commands'),
      host: '127.0.0.1',
      port: 0,
      threadHost: 'worker',
      bootTimeout: 1_000,
    });
    told = [];
    server.on('workerKilled', () => told.push('workerKilled'));
    const listening = server.listen();
    expect(await event(server, 'workerDebugged')).toMatchObject({ worker: 1 });
    await vi.waitFor(() => {
      expect(statusOf(1)?.age).toBeGreaterThan(3_000);
    }, 20_000);
    await developer.send(statusOf(1)?.threadId ?? 0, 'Runtime.runIfWaitingForDebugger');
    await listening;
    expect(told).toEqual([]);
  });
});
