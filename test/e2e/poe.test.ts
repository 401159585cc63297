import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { PreforkTCP, type Master, type PreforkTCPParameters } from 'forkless/poe';
import { event, handlers, Peer } from './peers.ts';

/** For what no event tells. */
async function soon(met: () => boolean): Promise<void> {
  while (!met()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const callback = (): undefined => undefined;

describe('PreforkTCP with threads', () => {
  let master: Master | undefined;
  const start = async (parameters: PreforkTCPParameters = {}, module = 'poe-commands'): Promise<Master> => {
    const input = module === 'poe-acceptor' ? { Acceptor: callback } : { ClientInput: callback };
    master = await PreforkTCP(handlers(module), {
      Address: '127.0.0.1',
      StartServer: 2,
      MaxServer: 4,
      MasterHeartBeatTime: 0.4,
      MaxServerExpireTime: 20,
      Forkless: { threadHost: 'worker' },
      ...input,
      ...parameters,
    });
    const { prefork } = master;
    while (prefork.status().counts.starting > 0) await once(prefork, 'workerReady');
    return master;
  };
  const peerOf = ({ heap }: Master): Peer => {
    const address = heap.listener.getsockname();
    if (typeof address === 'string' || address === null) return new Peer(String(address));
    return new Peer(address.port);
  };
  afterEach(async () => {
    await master?.prefork.close({ grace: 500 });
    master = undefined;
  });

  it('the synopsis: welcome, echo, quit', async () => {
    const peer = peerOf(await start());
    await peer.until(/welcome\d+ !\r\n/);
    peer.send('hello\nquit\n');
    await peer.closed;
    expect(peer.text).toMatch(/^welcome(\d+) !\r\n\1 : hello\r\n\1 : quit\r\n$/);
  });

  it('exit retires just the worker that serves it, and a new one is born', async () => {
    const { prefork } = await start();
    const peer = peerOf(master!);
    const [, id] = /welcome(\d+)/.exec(await peer.until(/welcome\d+ !/)) ?? [];
    const exited = event(prefork, 'workerExited', ({ worker }: { worker: number }) => worker === Number(id));
    const ready = event(prefork, 'workerReady');
    peer.send('exit\n');
    expect(await exited).toMatchObject({ reason: 'left', why: 'asked', code: 0 });
    await Promise.all([ready, peer.closed]);
    expect(prefork.status().counts.ready).toBe(2);
  });

  it('a worker that was asked to shut down serves on whom it has, and gets nobody new', async () => {
    const { prefork } = await start({ StartServer: 1, MaxServer: 1 });
    const [leaver, stayer] = [peerOf(master!), peerOf(master!)];
    await Promise.all([leaver.until(/welcome1/), stayer.until(/welcome1/)]);
    leaver.send('exit\n');
    await leaver.closed;
    await soon(() => prefork.status().counts.draining === 1);
    const late = peerOf(master!);
    await soon(() => prefork.status().connections.waiting === 1);
    await stayer.send('still here\n').until(/1 : still here/);
    stayer.send('quit\n');
    await stayer.closed;
    await late.until(/welcome2/);
    late.socket.destroy();
  });

  it('kill takes one worker, and a new one is born', async () => {
    const { prefork } = await start();
    const peer = peerOf(master!);
    await peer.until(/welcome/);
    const exited = event(prefork, 'workerExited');
    const ready = event(prefork, 'workerReady');
    peer.send('kill\n');
    expect(await exited).toMatchObject({ reason: 'exited', code: 1 });
    await Promise.all([ready, peer.closed]);
  });

  it('what dies ends its own connection only, in a callback and in an event', async () => {
    const { prefork } = await start({ StartServer: 1, MaxServer: 1 });
    const other = peerOf(master!);
    await other.until(/welcome/);
    for (const [line, name] of [
      ['die', 'TypeError'],
      ['die later', 'RangeError'],
    ] as const) {
      const peer = peerOf(master!);
      await peer.until(/welcome/);
      const trouble = event(prefork, 'handlerError');
      peer.send(`${line}\n`);
      expect(await trouble).toMatchObject({ error: { name } });
      await peer.closed;
    }
    await other.send('alive\n').until(/1 : alive/);
    other.socket.destroy();
  });

  it('what a callback prints is only output, whatever the ancestor took it for', async () => {
    const { prefork } = await start({ StartServer: 1, MaxServer: 1 });
    const peer = peerOf(master!);
    await peer.send('print\nlater\n').until(/greeted later/);
    expect(prefork.status().workers).toMatchObject([{ id: 1, phase: 'ready', leaving: undefined, open: 1 }]);
    peer.socket.destroy();
  });

  it('events of the connection, posted and delayed', async () => {
    const peer = peerOf(await start());
    await peer.send('greet\nlater\n').until(/greeted now\r\n[^]*greeted later\r\n/);
    peer.send('ip\n');
    expect(await peer.until(/you are/)).toContain('you are 127.0.0.1');
    peer.socket.destroy();
  });

  it('pause and resume of one worker, and of the master', async () => {
    const { prefork, kernel, heap } = await start({ StartServer: 1, MaxServer: 1 });
    const first = peerOf(master!);
    await first.until(/welcome/);
    first.send('pause\n');
    await soon(() => prefork.status().workers.every(({ paused }) => paused));
    const second = peerOf(master!);
    await soon(() => prefork.status().connections.waiting === 1);
    await first.send('resume\n').until(/resume/);
    await second.until(/welcome/);
    expect(kernel.call(heap.master_alias, 'pause')).toBeUndefined();
    expect(prefork.status().paused).toBe(true);
    const third = peerOf(master!);
    await soon(() => prefork.status().connections.waiting === 1);
    expect(third.text).toBe('');
    expect(kernel.post(heap.alias, 'resume')).toBe(true);
    await third.until(/welcome/);
    const paused = event(prefork, 'workerPaused');
    kernel.post(heap.master_alias, 'pause', 1);
    expect(await paused).toEqual({ worker: 1 });
    expect(prefork.status()).toMatchObject({ paused: false, workers: [{ paused: true }] });
    const resumed = event(prefork, 'workerResumed');
    kernel.post(heap.master_alias, 'resume', 1);
    expect(await resumed).toEqual({ worker: 1 });
    expect(() => kernel.call(heap.master_alias, 'pause', 99)).toThrow('There is no worker 99');
    expect(() => kernel.call(heap.master_alias, 'pause', 'all')).toThrow('needs a number');
    for (const { socket } of [first, second, third]) socket.destroy();
  });

  it('Started, Stopped, the heap and shutdown_all from a worker', async () => {
    const log: string[] = [];
    const { prefork, heap } = await start({
      ListenerArgs: [7, 8],
      Started: ({ args, heap: { listener } }) => {
        const address = listener.getsockname();
        log.push(
          `Started ${args.join()} ${String(typeof address === 'object' && address !== null && address.port > 0)}`,
        );
      },
      Stopped: () => void log.push('Stopped'),
    });
    expect(log).toEqual(['Started 7,8 true']);
    expect(heap).toMatchObject({
      max_server: 4,
      min_server: 2,
      max_life_time: 0,
      master_heartbeat_time: 0.4,
    });
    const peer = peerOf(master!);
    await peer.until(/welcome/);
    expect(heap.connections).toBe(1);
    const closed = event(prefork, 'closed');
    peer.send('all\nquit\n');
    await Promise.all([closed, peer.closed]);
    expect(log).toEqual(['Started 7,8 true', 'Stopped']);
  });

  it('the pool changes with the heap, and set_concurrency is exact', async () => {
    const { prefork, heap, kernel } = await start({ StartServer: 1, MaxServer: 1, Concurrency: 1 });
    const born = event(prefork, 'workerReady');
    heap.max_server = 3;
    heap.min_server = 2;
    await born;
    expect(prefork.status().counts.live).toBe(2);
    expect(heap.max_server).toBe(3);
    expect(() => (heap.max_server = 0)).toThrow('MaxServer');
    expect(heap.max_server).toBe(3);
    kernel.call(heap.alias, 'set_concurrency', 2);
    expect(heap.concurrency).toBe(2);
    expect(() => kernel.post(heap.alias, 'nonsense')).toThrow('has no event "nonsense"');
  });

  it('shutdown in the main thread: one worker by its number, or everything', async () => {
    const { prefork, kernel, heap } = await start();
    const exited = event(prefork, 'workerExited');
    kernel.post(heap.master_alias, 'shutdown', 1);
    expect(await exited).toMatchObject({ worker: 1, reason: 'left' });
    const closed = event(prefork, 'closed');
    kernel.post(heap.master_alias, 'shutdown');
    await closed;
    expect(kernel.post(heap.master_alias, 'shutdown')).toBe(false);
  });

  it('Concurrency is never exceeded, and all are served', async () => {
    const { prefork } = await start({ StartServer: 2, MaxServer: 2, Concurrency: 1 });
    let most = 0;
    prefork.on('connection', () => {
      most = Math.max(most, ...prefork.status().workers.map(({ open }) => open));
    });
    const peers = Array.from({ length: 9 }, () => peerOf(master!));
    await Promise.all(
      peers.map(async (peer) => {
        await peer.until(/welcome/);
        peer.send('quit\n');
        await peer.closed;
      }),
    );
    expect(most).toBe(1);
    expect(prefork.status().connections.served).toBe(9);
  });

  it('a Concurrency of 0 takes nobody until set_concurrency says otherwise', async () => {
    const { prefork, kernel, heap } = await start({ StartServer: 1, MaxServer: 1, Concurrency: 0 });
    expect([heap.concurrency, heap.max_session, prefork.status().paused]).toEqual([0, 0, true]);
    const peer = peerOf(master!);
    await soon(() => prefork.status().connections.waiting === 1);
    kernel.call(heap.alias, 'set_concurrency', -1);
    await peer.until(/welcome/);
    kernel.call(heap.alias, 'set_concurrency', 0);
    const late = peerOf(master!);
    await soon(() => prefork.status().connections.waiting === 1);
    await peer.send('hello\n').until(/1 : hello/);
    kernel.call(heap.alias, 'set_concurrency', 2);
    await late.until(/welcome/);
    expect([heap.concurrency, heap.max_session]).toEqual([2, 0]);
    kernel.call(heap.alias, 'pause');
    kernel.call(heap.alias, 'set_concurrency', 3);
    expect(prefork.status().paused).toBe(true);
    for (const { socket } of [peer, late]) socket.destroy();
  });

  it('an Acceptor gets raw sockets', async () => {
    const peer = peerOf(await start({ StartServer: 1, MaxServer: 1 }, 'poe-acceptor'));
    await peer.until(/^127\.0\.0\.1 \d+ 1\n/);
    await peer.send('raw').until(/\nraw$/);
    const second = peerOf(master!);
    await second.until(/^127\.0\.0\.1 \d+ 2\n/);
    for (const { socket } of [peer, second]) socket.destroy();
  });

  it.skipIf(process.platform === 'win32')('a Unix socket: remote_ip is LOCAL', async () => {
    const path = join(tmpdir(), `forkless-poe-${process.pid}.sock`);
    const peer = peerOf(await start({ Domain: 'AF_UNIX', Address: path }));
    peer.send('ip\n');
    expect(await peer.until(/you are/)).toContain('you are LOCAL');
    peer.socket.destroy();
    await rm(path, { force: true });
  });

  it('a port in use rejects, and tells Error why', async () => {
    const address = (await start()).heap.listener.getsockname();
    const Port = typeof address === 'object' && address !== null ? address.port : 0;
    const told: unknown[] = [];
    const second = PreforkTCP(handlers('poe-commands'), {
      Address: '127.0.0.1',
      Port,
      ClientInput: callback,
      Error: ({ arg0, arg2 }) => void told.push(arg0, arg2),
      Forkless: { threadHost: 'worker' },
    });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(told).toEqual(['listen', 'Address already in use']);
  });

  it('an unknown parameter is warned of, a contradiction rejects', async () => {
    const warning = once(process, 'warning');
    await start({ Foo: 1 } as PreforkTCPParameters);
    expect(await warning).toMatchObject([
      { name: 'PreforkTCPWarning', message: 'PreforkTCP doesn\'t recognize "Foo" as a parameter' },
    ]);
    await expect(PreforkTCP(handlers('poe-commands'), {})).rejects.toMatchObject({
      code: 'FORKLESS_BAD_PARAMETER',
    });
  });
});
