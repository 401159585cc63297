import { mkdtempSync, rmSync } from 'node:fs';
import { BlockList, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createPrefork, prefork, type Prefork, type PreforkOptions } from 'forkless';
import { event, handlers, Peer, started } from './peers.ts';

let server: Prefork;
const start = async (name: string, options: PreforkOptions = {}): Promise<() => Peer> => {
  const prefork = await started(name, options);
  server = prefork.server;
  return prefork.peer;
};

afterEach(async () => {
  await server.close({ grace: 0 });
});

describe('from outside', () => {
  it('a port in use rejects listen() with EADDRINUSE and leaves nothing', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    server = createPrefork({ worker: handlers('commands'), threadHost: 'worker', host: '127.0.0.1', port });
    await expect(server.listen()).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', port });
    other.close();
  });

  it.each([
    ['missing', /missing/],
    ['bare/throw-at-top', /throw-at-top/],
    ['bare/ends-by-itself', /ended with code/],
  ])('a module that is %s rejects listen() with its URL', async (name, message) => {
    for (const threadHost of ['worker', 'piscina'] as const) {
      server = createPrefork({ worker: handlers(name), threadHost, port: 0, bootTimeout: 1_000 });
      const rejected: unknown = await server.listen().catch((error: unknown) => error);
      expect(rejected).toMatchObject({ name: 'ForklessError' });
      expect(String(rejected)).toMatch(name === 'bare/ends-by-itself' ? /ends-by-itself/ : message);
    }
  });

  it('reload() brings a new generation under load without a lost connection', async () => {
    const open = await start('commands', { maxWorkers: 6 });
    const long = open();
    await long.until(/welcome/);
    let going = true;
    const keepGoing = (): boolean => going;
    const load = (async () => {
      let count = 0;
      for (; keepGoing(); count += 1) {
        const peer = open();
        await peer.until(/welcome \d+\r/);
        peer.send('quit\n');
        await peer.closed;
      }
      return count;
    })();
    await server.reload();
    going = false;
    expect(await load).toBeGreaterThan(0);
    expect(
      server
        .status()
        .workers.filter(({ phase }) => phase === 'ready')
        .every(({ generation }) => generation === 2),
    ).toBe(true);
    await long.send('still\n').until(/still/);
    long.socket.destroy();
  });

  it('drain() waits until nobody is connected and tells the progress', async () => {
    const open = await start('commands');
    const [one, two] = [open(), open()];
    await Promise.all([one.until(/welcome/), two.until(/welcome/)]);
    const progress: number[] = [];
    server.on('drainProgress', ({ open: count }) => progress.push(count));
    expect(await server.drain({ deadline: 20 })).toEqual({ drained: false, open: 2, waiting: 0 });
    const drained = server.drain();
    one.send('quit\n');
    two.send('quit\n');
    expect(await drained).toEqual({ drained: true, open: 0, waiting: 0 });
    expect(progress.at(-1)).toBe(0);
  });

  it('a Unix socket, an in-memory connection and an AbortSignal', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkless-'));
    const abort = new AbortController();
    const open = await start('commands', { path: join(folder, 'socket'), signal: abort.signal });
    const peer = open();
    await peer.send('over the path\n').until(/over the path/);
    const client = server.connect();
    client.write('in memory\n');
    let text = '';
    for await (const chunk of client) {
      text += String(chunk);
      if (text.includes('in memory')) break;
    }
    peer.send('quit\n');
    await peer.closed;
    const closed = event(server, 'closed');
    abort.abort();
    await closed;
    rmSync(folder, { recursive: true });
  });
});

describe('more than one', () => {
  it('listeners of one prefork share its workers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkless-'));
    const open = await start('commands', { maxWorkers: 2 });
    const path = join(folder, 'socket');
    const second = (await server.listen({ host: '127.0.0.1', port: 0 })) as AddressInfo;
    await server.listen({ path });
    const peers = [open(), new Peer(second.port), new Peer(path)];
    for (const peer of peers) await peer.send('hello\n').until(/hello/);
    expect(server.status()).toMatchObject({ counts: { live: 2 }, connections: { served: 3 } });
    expect(server.address()).not.toEqual(second);
    for (const { socket } of peers) socket.destroy();
    await server.close({ grace: 0 });
    for (const target of [second.port, path])
      await expect(new Peer(target).until(/./)).rejects.toThrow('ended');
    rmSync(folder, { recursive: true });
  });

  it('a second listener that cannot bind leaves the first as it is', async () => {
    const open = await start('commands');
    await expect(
      server.listen({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }),
    ).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await open().send('hello\nquit\n').until(/hello/);
  });

  it('preforks in one process know nothing of each other', async () => {
    const open = await start('commands', { startWorkers: 1, minWorkers: 1 });
    const other = await started('raw-echo', { startWorkers: 1, minWorkers: 1, threadHost: 'tinypool' });
    const [mine, its] = [open(), other.peer()];
    await mine.until(/welcome 1\r/);
    await its.send('raw').until(/^raw$/);
    await server.close({ grace: 0 });
    await mine.closed;
    await its.send('still').until(/^rawstill$/);
    expect(other.server.status()).toMatchObject({ counts: { ready: 1 }, exits: {} });
    its.socket.destroy();
    await other.server.close();
  });
});

describe('who is let in', () => {
  it('so many from one address, nobody of the block list, and the book forgets who has left', async () => {
    const open = await start('commands', { maxConnectionsPerAddress: 2 });
    const [first, second] = [open(), open()];
    await Promise.all([first.until(/welcome/), second.until(/welcome/)]);
    const many = event(server, 'drop');
    await open().closed;
    expect(await many).toMatchObject({ reason: 'max-per-address' });
    first.send('quit\n');
    await first.closed;
    while (server.status().connections.open > 1) await event(server, 'connectionClosed');
    const third = open();
    await third.until(/welcome/);

    const blockList = new BlockList();
    blockList.addAddress('127.0.0.1');
    server.configure({ blockList, maxConnectionsPerAddress: undefined });
    const blocked = event(server, 'drop');
    await open().closed;
    expect(await blocked).toMatchObject({ reason: 'blocked', connection: { remoteAddress: '127.0.0.1' } });
    await second.send('still\n').until(/still/);
    expect(server.status().connections.drops).toEqual({ 'max-per-address': 1, blocked: 1 });
    second.socket.destroy();
    third.socket.destroy();
  });
});

describe('a handler that misbehaves disturbs nobody', () => {
  it.each([
    ['writes after the end', 'late', undefined],
    ['returns after its client has left', 'slow', undefined],
    ['throws', 'throw', 'thrown on demand'],
    ['rejects', 'reject', 'rejected on demand'],
    ['returns what throws when looked at', 'then', 'thrown by then'],
    ['rejects after its client has left', 'slow reject', 'rejected late'],
  ])('when it %s', async (_, command, message) => {
    const open = await start('commands', { startWorkers: 1, minWorkers: 1, maxWorkers: 1 });
    const errors: string[] = [];
    server.on('handlerError', ({ error }) => errors.push(error.message));
    const other = open();
    await other.until(/welcome/);
    const victim = open();
    victim.send(`${command}\n`);
    await victim.until(/welcome/);
    const told = message === undefined ? undefined : event(server, 'handlerError');
    if (command.startsWith('slow')) victim.socket.destroy();
    await victim.closed;
    await told;
    await other.send('still\n').until(/1: still/);
    expect(errors).toEqual(message === undefined ? [] : [message]);
    expect(victim.text).not.toContain('too late');
    await server.drain({ until: 1 });
    expect(server.status()).toMatchObject({ exits: {}, connections: { open: 1 } });
    other.socket.destroy();
  });
});

describe('bad input', () => {
  it('that is no object, or no stream, is named', async () => {
    const nothing = undefined as never;
    const said = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return (error as Error).message;
      }
    };
    await start('commands');
    expect(said(() => createPrefork(nothing))).toBe('Expected `options` to be an object, got undefined');
    expect(
      said(() => {
        server.configure(nothing);
      }),
    ).toBe('Expected `options` to be an object, got undefined');
    expect(
      said(() => {
        server.accept(nothing);
      }),
    ).toBe('Expected `stream` to be an open Duplex of bytes, got undefined');
    await expect(prefork(import.meta.url, nothing)).rejects.toThrow('Expected `options` to be an object');
  });

  it.each([
    [{ maxWorkers: 0 }, 'FORKLESS_BAD_OPTION', /`maxWorkers`.*got 0/],
    [{ minWorkers: 30 }, 'FORKLESS_BAD_OPTION', /`minWorkers`.*got 30/],
    [{ minServers: 3 }, 'FORKLESS_UNKNOWN_OPTION', /minServers/],
    [{ threadHost: 'fork' }, 'FORKLESS_BAD_OPTION', /'piscina' or 'tinypool' or 'worker', got "fork"/],
    [{ port: 70_000 }, 'FORKLESS_BAD_OPTION', /`port`.*got 70000/],
    [{ dispatch: 'random' }, 'FORKLESS_BAD_OPTION', /`dispatch`/],
  ])('%o is refused with %s', (options, code, message) => {
    const make = (): Prefork =>
      createPrefork({ worker: handlers('commands'), ...(options as PreforkOptions) });
    expect(make).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error,
    );
  });

  it('a call in the wrong state says which', async () => {
    await start('commands');
    await server.close();
    expect(() => {
      server.pause();
    }).toThrow(/pause\(\) is not possible while the prefork is closed/);
    await expect(server.listen()).rejects.toMatchObject({ code: 'FORKLESS_WRONG_STATE' });
  });
});
