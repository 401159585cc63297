import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { handlers, Peer } from './peers.ts';
import { Program } from './program.ts';

const program = fileURLToPath(handlers('suspended'));

const startOf = async (program: Program): Promise<number> => Number((await program.until(/port (\d+)/))[1]);

// Node has no documented way to learn the number.
const descriptorOf = (server: Server): number =>
  (server as unknown as { _handle: { fd: number } })._handle.fd;

let host: Program;

afterEach(async () => {
  await host.end();
});

describe('promise 9: a suspended or late master kills nobody for it', () => {
  it('SIGSTOP for five expiry times, then SIGCONT', async () => {
    host = new Program(process.execPath, [program]);
    const port = await startOf(host);
    const peer = new Peer(port);
    await peer.until(/welcome/);
    host.process.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    host.process.kill('SIGCONT');
    await peer.send('still\n').until(/still/);
    // Longer than an expiry: whoever was judged by the pause would be gone by then.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    host.process.stdin.write('status\n');
    await host.until(/status/);
    expect(host.said).not.toMatch(/worker(Retiring|Killed|Exited)/);
    peer.socket.destroy();
  });

  it('a host that blocks its own loop for five expiry times', async () => {
    host = new Program(process.execPath, [program]);
    await startOf(host);
    host.process.stdin.write('block\n');
    await host.until(/status/);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    host.process.stdin.write('status\n');
    await host.until(/status[^]*status/);
    expect(host.said).not.toMatch(/worker(Retiring|Killed|Exited)/);
  });
});

describe('promise 9, with a debugger and a wall clock', () => {
  it('that holds the main thread for five expiry times', async () => {
    host = new Program(process.execPath, ['--inspect=127.0.0.1:0', program]);
    const [url] = await host.until(/ws:\/\/\S+/);
    const port = await startOf(host);
    const peer = new Peer(port);
    await peer.until(/welcome/);
    const debug = new WebSocket(url);
    await once(debug, 'open');
    const paused = new Promise<void>((resolve) => {
      debug.on('message', (text: Buffer) => {
        if (text.includes('"Debugger.paused"')) resolve();
      });
    });
    debug.send('{"id":1,"method":"Debugger.enable"}');
    debug.send('{"id":2,"method":"Debugger.pause"}');
    await paused;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(host.said).not.toMatch(/worker(Retiring|Killed|Exited)/);
    debug.send('{"id":3,"method":"Debugger.resume"}');
    await peer.send('still\n').until(/still/);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    host.process.stdin.write('status\n');
    await host.until(/status/);
    expect(host.said).not.toMatch(/worker(Retiring|Killed|Exited)/);
    debug.terminate();
    peer.socket.destroy();
  });

  it('that jumps by an hour and back, in all threads: nobody expires, nothing is late', async () => {
    const clock = fileURLToPath(handlers('jumping-clock'));
    host = new Program(process.execPath, ['--import', clock, program]);
    const port = await startOf(host);
    const peer = new Peer(port);
    await peer.until(/welcome/);
    await host.until(/(?:jumped[^]*){20}/);
    await peer.send('still\n').until(/still/);
    expect(host.said).not.toMatch(/worker(Retiring|Killed|Exited)/);
    // Those who do hang are found out as soon as ever.
    peer.send('hang\n');
    await host.until(/workerRetiring \d silent[^]*workerKilled \d silent[^]*workerExited \d silent/);
    await peer.closed;
  });
});

describe('no file descriptor left', () => {
  it('harms no worker and no client that is served; new ones are served when there are some again', async () => {
    host = new Program('/bin/sh', ['-c', `ulimit -n 60; exec '${process.execPath}' '${program}'`]);
    const port = await startOf(host);
    const first = new Peer(port);
    await first.until(/welcome/);
    const many = Array.from({ length: 80 }, () => new Peer(port));
    // libuv accepts and closes what the process has no descriptor for, without a word to anybody.
    await Promise.any(many.map(({ closed }) => closed));
    await first.send('still\n').until(/still/);
    for (const { socket } of many) socket.destroy();
    for (;;) {
      const late = new Peer(port);
      const text = await late.until(/welcome/).catch(() => undefined);
      late.socket.destroy();
      if (text !== undefined) break;
    }
    expect(host.said).not.toMatch(/workerExited \d+ (?!FORKLESS_BOOT_FAILED)/);
    first.socket.destroy();
  });
});

describe('ref() and unref()', () => {
  it('lets the process end by itself, with workers and an open connection', async () => {
    host = new Program(process.execPath, [fileURLToPath(handlers('unref'))], { HOLD: 'unref' });
    expect(await host.exited).toBe(0);
    expect(host.said).toMatch(/served/);
  });

  it('keeps it alive again', async () => {
    host = new Program(process.execPath, [fileURLToPath(handlers('unref'))], { HOLD: 'unref ref' });
    const port = await startOf(host);
    await host.until(/served/);
    const peer = new Peer(port);
    await peer.send('still\n').until(/still/);
    peer.send('shutdown\nquit\n');
    expect(await host.exited).toBe(0);
  });
});

describe('listen({ fd })', () => {
  it('takes over a socket that listens already', async () => {
    const front = createServer().listen(0, '127.0.0.1');
    await once(front, 'listening');
    const { port } = front.address() as AddressInfo;
    host = new Program(process.execPath, [fileURLToPath(handlers('unref'))], { FD: '3' }, [
      descriptorOf(front),
    ]);
    await startOf(host);
    front.close();
    const peer = new Peer(port);
    await peer.send('by descriptor\n').until(/by descriptor/);
    peer.send('shutdown\nquit\n');
    expect(await host.exited).toBe(0);
  });
});
