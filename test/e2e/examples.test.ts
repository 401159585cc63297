import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { certificate, hasOpenssl } from './certificates.ts';
import { Peer, textOf } from './peers.ts';
import { Program } from './program.ts';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

let program: Program;
const run = (name: string, env: NodeJS.ProcessEnv = {}): Program =>
  (program = new Program(process.execPath, [example(name)], { PORT: '0', ...env }));

const portOf = async (pattern: RegExp): Promise<number> => Number((await program.until(pattern))[1]);
const LOCALHOST = /nc localhost (\d+)/;

afterEach(async () => {
  await program.end();
});

describe('examples/synopsis.js', () => {
  it('says how to talk to it, and shows births, retirements, crashes and connections', async () => {
    run('synopsis.js');
    const port = await portOf(LOCALHOST);
    for (const word of ['quit', 'exit', 'kill']) {
      const peer = new Peer(port);
      await peer.until(/test server, welcome \d+!/);
      peer.send(`${word}\n`);
      await peer.closed;
    }
    await program.until(/workerSpawned worker=1 /);
    await program.until(/connectionClosed connection=1 worker=\d+ reason=ended/);
    await program.until(/workerExited worker=\d+ generation=1 code=0 reason=left why=asked/);
    await program.until(/workerExited worker=\d+ generation=1 code=1 reason=exited/);
    // One for each core, and two replacements.
    await program.until(new RegExp(`workerReady worker=${availableParallelism() + 2} `));
  });

  it('a port in use is one clear line and a code above 0', async () => {
    const other = createServer().listen(0);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    run('synopsis.js', { PORT: String(port) });
    expect(await program.exited).toBe(1);
    expect(program.said).toBe(
      `Port ${port} is in use; choose another one with the environment variable PORT.\n`,
    );
    other.close();
  });

  it('Ctrl-C drains and ends; a second signal ends at once', async () => {
    run('synopsis.js');
    const peer = new Peer(await portOf(LOCALHOST));
    await peer.until(/welcome/);
    program.process.kill('SIGINT');
    await program.until(/workerRetiring/);
    await peer.send('still\n').until(/still/);
    peer.send('quit\n');
    expect(await program.exited).toBe(0);

    run('synopsis.js');
    const stays = new Peer(await portOf(LOCALHOST));
    await stays.until(/welcome/);
    program.process.kill('SIGINT');
    await program.until(/workerRetiring/);
    program.process.kill('SIGTERM');
    expect(await program.exited).toBe(0);
    await stays.closed;
  });
});

describe('the other examples', () => {
  it('unit-test passes', async () => {
    program = new Program(process.execPath, ['--test', example('unit-test/worker.test.js')], {
      NODE_TEST_CONTEXT: undefined,
    });
    expect(await program.exited).toBe(0);
    expect(program.said).toMatch(/pass 3\b/);
  });

  it('express-blocking: others are answered while a route blocks', async () => {
    run('express-blocking.js');
    const port = await portOf(/localhost:(\d+)/);
    const get = async (path: string): Promise<string> => {
      const peer = new Peer(port).send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      await peer.closed;
      return /thread \d+/.exec(peer.text)?.[0] ?? peer.text;
    };
    // Until the others have booted the first worker has them all.
    for (const threads = new Set<string>(); threads.size < 4;) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => get('/')));
      for (const thread of answers) threads.add(thread);
    }
    let answered = 0;
    const blocked = get('/block').then(() => answered);
    const others = Array.from({ length: 20 }, async () => {
      await get('/');
      answered += 1;
    });
    // Not quite all: those that its worker has claimed before are blocked with it.
    expect(await blocked).toBeGreaterThanOrEqual(10);
    await Promise.all(others);
  });

  const sqlite = isBuiltin('node:sqlite');
  const notes = (): string => join(mkdtempSync(join(tmpdir(), 'forkless-notes-')), 'notes.db');

  it.skipIf(!sqlite)('express-sqlite: each worker writes, and the end is in order', async () => {
    const DATABASE = notes();
    run('express-sqlite/main.js', { DATABASE });
    const url = (await program.until(/http:\S+(?=\/notes)/))[0];
    const post = async (text: string): Promise<number> => {
      // On a connection of its own, which may be given to another worker.
      const headers = { connection: 'close' };
      const body = new URLSearchParams({ text });
      const response = await fetch(`${url}/notes`, { method: 'POST', headers, body });
      expect(response.status).toBe(201);
      return ((await response.json()) as { thread: number }).thread;
    };
    const threads = new Set<number>();
    let count = 0;
    // Until the others have booted the first worker has them all.
    for (; threads.size < 2; count += 8) {
      const some = await Promise.all(Array.from({ length: 8 }, (_, n) => post(`note ${count + n}`)));
      for (const thread of some) threads.add(thread);
    }
    const all = (await (await fetch(`${url}/notes`)).json()) as { id: number }[];
    expect(all.length).toBe(Math.min(100, count));
    expect((await fetch(`${url}/notes`, { method: 'POST' })).status).toBe(400);
    program.process.kill('SIGINT');
    expect(await program.exited).toBe(0);
    // The last connection that is closed removes its log: `workerStopping` has run in every worker.
    expect(readdirSync(dirname(DATABASE))).toEqual(['notes.db']);
    rmSync(dirname(DATABASE), { recursive: true });
  });

  it.runIf(!sqlite)('express-sqlite says which Node it needs', async () => {
    run('express-sqlite/main.js', { DATABASE: 'none' });
    expect(await program.exited).toBe(1);
    expect(program.said).toBe(
      `This example uses node:sqlite, which Node has from 22.13 on; this is ${process.version}.\n`,
    );
  });

  it('chat reaches the clients of every worker', async () => {
    run('chat/main.js');
    const port = await portOf(/localhost:(\d+)/);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('<title>chat</title>');
    const sockets = Array.from({ length: 4 }, () => new WebSocket(`ws://127.0.0.1:${port}`));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const heard = sockets.map((socket) => once(socket, 'message'));
    sockets[0]?.send('hello all');
    const texts = (await Promise.all(heard)).map(([data]) => (data as Buffer).toString());
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toMatch(/^\d: hello all$/);
    const closed = sockets.map((socket) => once(socket, 'close'));
    program.process.kill('SIGINT');
    expect((await Promise.all(closed)).map(([code]) => code as number)).toEqual([1012, 1012, 1012, 1012]);
    expect(await program.exited).toBe(0);
  });

  it.skipIf(!hasOpenssl)('tls-echo echoes, and takes up a renewed certificate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkless-tls-echo-'));
    const files = { KEY: join(folder, 'key.pem'), CERT: join(folder, 'cert.pem') };
    const renew = (name: string): void => {
      const { key, cert } = certificate(name);
      writeFileSync(files.KEY, key);
      writeFileSync(files.CERT, cert);
    };
    const open = async (at: number): Promise<TLSSocket> => {
      const socket = connect({ port: at, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      return socket;
    };
    renew('one.test');
    run('tls-echo.js', files);
    const port = await portOf(/port (\d+)/);
    const first = await open(port);
    renew('two.test');
    program.process.kill('SIGHUP');
    const names = new Set([first.getPeerCertificate().subject.CN]);
    while (!names.has('two.test')) {
      const next = await open(port);
      names.add(next.getPeerCertificate().subject.CN);
      next.destroy();
    }
    first.end('still there');
    expect(await textOf(first)).toMatch(/^TLSv1\.3, from (?:::ffff:)?127\.0\.0\.1\nstill there$/);
    program.process.kill('SIGINT');
    expect(await program.exited).toBe(0);
  });

  it.skipIf(!hasOpenssl)('tls-echo makes a certificate for itself', async () => {
    run('tls-echo.js');
    const port = await portOf(/port (\d+)/);
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.end('hello');
    expect(await textOf(socket)).toMatch(/hello$/);
  });

  it('two-files', async () => {
    run('two-files/main.js');
    const peer = new Peer(await portOf(LOCALHOST));
    await peer.send('hello\n').until(/hello/i);
    peer.socket.destroy();
    program.process.kill('SIGINT');
    expect(await program.exited).toBe(0);
  });

  it('blocking: others are answered while a worker burns', async () => {
    run('blocking/main.js');
    const port = await portOf(LOCALHOST);
    const greeted = async (): Promise<[Peer, string]> => {
      const peer = new Peer(port);
      return [peer, (await peer.send('hello\n').until(/hello/)).charAt(0)];
    };
    const [busy, its] = await greeted();
    let [quick, other] = await greeted();
    // Until the others have booted the first worker has them all.
    while (other === its) [quick, other] = await greeted();
    busy.send('burn\n'.repeat(20));
    for (let n = 0; n < 20; n += 1) await quick.send(`line ${n}.\n`).until(new RegExp(`line ${n}\\.`));
    // Its 20 times 200 ms are not over: the quick one did not wait behind them.
    expect(busy.text.split('\n').length).toBeLessThan(20);
    busy.socket.destroy();
    quick.socket.destroy();
  });

  it('unix-socket', async () => {
    const path = join(tmpdir(), 'forkless-example.sock');
    rmSync(path, { force: true });
    run('unix-socket.js');
    await program.until(/nc -U/);
    const peer = new Peer(path);
    await peer.send('hello\n').until(/hello/);
    peer.send('quit\n');
    await peer.closed;
    program.process.kill('SIGINT');
    expect(await program.exited).toBe(0);
  });

  it('health: a check and metrics on a port of their own', async () => {
    run('health.js', { HEALTH_PORT: '0' });
    const [, port, health] = await program.until(/listening on (\d+), health on (\d+)/);
    const peer = new Peer(Number(port));
    await peer.send('hello\n').until(/hello/);
    const ask = async (path: string): Promise<[number, string]> => {
      const response = await fetch(`http://127.0.0.1:${health}${path}`);
      return [response.status, await response.text()];
    };
    expect(await ask('/health')).toEqual([200, 'ok\n']);
    const [status, text] = await ask('/metrics');
    expect(status).toBe(200);
    for (const line of [
      /^forkless_workers_ready [1-9]/m,
      /^forkless_workers_suspect 0$/m,
      /^forkless_connections_open 1$/m,
      /^forkless_worker_utilization\{worker="\d+"\} /m,
    ])
      expect(text).toMatch(line);
    peer.socket.destroy();
    program.process.kill('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  it('health: 503 as soon as no worker takes up a connection', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkless-health-'));
    const HANG = join(folder, 'hang');
    const preload = fileURLToPath(new URL('../handlers/hangs-at-will.cjs', import.meta.url));
    run('health.js', { HEALTH_PORT: '0', HANG, NODE_OPTIONS: `--require "${preload}"` });
    const [, port, health] = await program.until(/listening on (\d+), health on (\d+)/);
    const ask = async (): Promise<[number, string]> => {
      const response = await fetch(`http://127.0.0.1:${health}/health`);
      return [response.status, await response.text()];
    };
    expect(await ask()).toEqual([200, 'ok\n']);
    writeFileSync(HANG, '');
    // A worker shows that it hangs by a connection that it does not take up for `claimTimeout`.
    const peers: Peer[] = [];
    let [status, text] = await ask();
    while (status === 200) {
      peers.push(new Peer(Number(port)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      [status, text] = await ask();
    }
    expect(status).toBe(503);
    expect(text).toMatch(/^listening, 0 of [1-9]\d* ready workers serve, [1-9]\d* connections wait\n$/);
    for (const { socket } of peers) socket.destroy();
    rmSync(folder, { recursive: true });
  });

  it('embedded-host ends by itself', async () => {
    run('embedded-host.js');
    expect(await program.exited).toBe(0);
    expect(program.said).toMatch(/^worker \d+ says: HELLO$/m);
  });
});
