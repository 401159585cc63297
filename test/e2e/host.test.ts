import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { handlers, Peer } from './peers.ts';

const program = fileURLToPath(handlers('suspended'));

/** A host process and what it has said. */
class Host {
  readonly process: ChildProcessWithoutNullStreams;
  said = '';

  constructor(command: string, args: readonly string[]) {
    this.process = spawn(command, args);
    this.process.stdout.on('data', (text) => (this.said += String(text)));
    this.process.stderr.on('data', (text) => (this.said += String(text)));
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.said);
      if (found) return found;
      if (this.process.exitCode !== null) throw new Error(`ended: ${this.said}`);
      await once(this.process.stdout, 'data');
    }
  }

  async start(): Promise<number> {
    return Number((await this.until(/port (\d+)/))[1]);
  }
}

let host: Host;

afterEach(async () => {
  if (host.process.exitCode !== null) return;
  const ended = once(host.process, 'exit');
  host.process.stdin.end();
  await ended;
});

describe('promise 9: a suspended or late master kills nobody for it', () => {
  it('SIGSTOP for five expiry times, then SIGCONT', async () => {
    host = new Host(process.execPath, [program]);
    const port = await host.start();
    const peer = new Peer(port);
    await peer.until(/welcome/);
    host.process.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    host.process.kill('SIGCONT');
    await peer.send('still\n').until(/still/);
    // Longer than an expiry: whoever was judged by the pause would be gone by then.
    await new Promise((resolve) => setTimeout(resolve, 600));
    host.process.stdin.write('status\n');
    await host.until(/status/);
    expect(host.said).not.toMatch(/worker(Retiring|Killed|Exited)/);
    peer.socket.destroy();
  });

  it('a host that blocks its own loop for five expiry times', async () => {
    host = new Host(process.execPath, [program]);
    await host.start();
    host.process.stdin.write('block\n');
    await host.until(/status/);
    await new Promise((resolve) => setTimeout(resolve, 600));
    host.process.stdin.write('status\n');
    await host.until(/status[^]*status/);
    expect(host.said).not.toMatch(/worker(Retiring|Killed|Exited)/);
  });
});

describe('no file descriptor left', () => {
  it('harms no worker and no client that is served; new ones are served when there are some again', async () => {
    host = new Host('/bin/sh', ['-c', `ulimit -n 60; exec '${process.execPath}' '${program}'`]);
    const port = await host.start();
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
