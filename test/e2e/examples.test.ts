import { rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Peer } from './peers.ts';
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
    await program.until(/workerReady worker=7 /);
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

  it('Ctrl-C drains and ends; a second one ends at once', async () => {
    run('synopsis.js');
    const peer = new Peer(await portOf(LOCALHOST));
    await peer.until(/welcome/);
    program.process.kill('SIGINT');
    await program.until(/Closing/);
    await peer.send('still\n').until(/still/);
    peer.send('quit\n');
    expect(await program.exited).toBe(0);

    run('synopsis.js');
    const stays = new Peer(await portOf(LOCALHOST));
    await stays.until(/welcome/);
    program.process.kill('SIGINT');
    await program.until(/Closing/);
    program.process.kill('SIGINT');
    expect(await program.exited).toBe(130);
    await stays.closed;
  });
});

describe('the other examples', () => {
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

  it('embedded-host ends by itself', async () => {
    run('embedded-host.js');
    expect(await program.exited).toBe(0);
    expect(program.said).toMatch(/^worker \d+ says: HELLO$/m);
  });
});
