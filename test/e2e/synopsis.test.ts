import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork, type PreforkOptions } from 'forkless';
import { HOSTS_AND_TRANSPORTS } from '../transports.ts';
import { event, type Peer, started } from './peers.ts';

describe.each(HOSTS_AND_TRANSPORTS)("the ancestor's synopsis on $threadHost by $transport", (place) => {
  let server: Prefork;
  const start = async (options: PreforkOptions = {}): Promise<() => Peer> => {
    const prefork = await started('commands', { ...place, ...options });
    server = prefork.server;
    return prefork.peer;
  };
  afterEach(async () => {
    await server.close({ grace: 500 });
  });

  it('greets with the worker and answers each line', async () => {
    const peer = (await start())();
    expect(await peer.until(/welcome \d+\r\n/)).toMatch(/^welcome \d+\r\n$/);
    peer.send('hello\nworld\r\n');
    expect(await peer.until(/world\r\n/)).toMatch(/^welcome (\d+)\r\n\1: hello\r\n\1: world\r\n$/);
    peer.socket.destroy();
  });

  it('quit flushes and closes this connection only', async () => {
    const open = await start();
    const [one, two] = [open(), open()];
    await Promise.all([one.until(/welcome/), two.until(/welcome/)]);
    one.send('quit\n');
    await one.closed;
    expect(one.text).toMatch(/\d+: quit\r\n$/);
    await two.send('still\n').until(/still/);
    two.socket.destroy();
  });

  it('exit retires just that worker, and a new one is there', async () => {
    const open = await start();
    const peer = open();
    const [, id] = /welcome (\d+)/.exec(await peer.until(/welcome \d+\r/)) ?? [];
    const exited = event(server, 'workerExited', ({ worker }: { worker: number }) => worker === Number(id));
    const ready = event(server, 'workerReady');
    peer.send('exit\n');
    expect(await exited).toMatchObject({ reason: 'left', why: 'asked', code: 0 });
    await Promise.all([ready, peer.closed]);
    expect(server.status().counts.ready).toBe(2);
  });

  it('kill crashes one worker: its clients are closed, others never notice, a new worker is born', async () => {
    const open = await start();
    const [one, two] = [open(), open()];
    const [a, b] = await Promise.all([one.until(/welcome \d+\r/), two.until(/welcome \d+\r/)]);
    expect(a).not.toBe(b);
    const exited = event(server, 'workerExited');
    const ready = event(server, 'workerReady');
    one.send('kill\n');
    expect(await exited).toMatchObject({ reason: 'exited', code: 1, why: undefined });
    await Promise.all([one.closed, ready]);
    await two.send('alive\n').until(/alive/);
    expect(server.status().connections.closes).toEqual({ 'worker-lost': 1 });
    two.socket.destroy();
  });

  it('a handler that throws or rejects loses its connection, with the error in an event, and nothing else', async () => {
    const open = await start({ startWorkers: 1, minWorkers: 1, maxWorkers: 1 });
    const other = open();
    await other.until(/welcome/);
    for (const line of ['throw', 'reject']) {
      const peer = open();
      await peer.until(/welcome/);
      const trouble = event(server, 'handlerError');
      peer.send(`${line}\n`);
      expect(await trouble).toMatchObject({ callback: 'clientInput', error: { name: 'TypeError' } });
      await peer.closed;
    }
    await other.send('alive\n').until(/1: alive/);
    other.socket.destroy();
  });
});
