import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { handlers, Peer } from './peers.ts';
import { Program } from './program.ts';

let program: Program;
const run = (...flags: string[]): Program =>
  (program = new Program(process.execPath, [fileURLToPath(handlers('signals')), ...flags]));

const listening = async (): Promise<readonly number[]> =>
  (await program.until(/listening (.+)\n/))[1]!.split(' ').map(Number);

/** A client that is being served. */
async function client(port: number): Promise<Peer> {
  const peer = new Peer(port).send('hello\n');
  await peer.until(/hello/);
  return peer;
}

/** Resolves when nobody listens there any more: the signal has been heard. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const peer = new Peer(port);
    peer.socket.once('connect', () => peer.socket.destroy());
    await peer.closed;
    if (peer.error?.code === 'ECONNREFUSED') return;
  }
}

afterEach(async () => {
  await program.end();
});

describe('the option `signals`', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s lets a client finish, then the code is 0', async (signal) => {
    run();
    const [port = 0] = await listening();
    const peer = await client(port);
    program.process.kill(signal);
    await refused(port);
    await peer.send('still\n').until(/still/);
    peer.send('quit\n');
    expect(await program.exited).toBe(0);
    expect(program.said).toMatch(/closed\n$/);
  });

  it('a second signal ends the process at once', async () => {
    run();
    const [port = 0] = await listening();
    const peer = await client(port);
    program.process.kill('SIGTERM');
    await refused(port);
    program.process.kill('SIGINT');
    expect(await program.exited).toBe(0);
    expect(program.said).not.toMatch(/closed/);
    await peer.closed;
  });

  it('says what it waits for, where that takes long', async () => {
    run();
    const [port = 0] = await listening();
    const peer = await client(port);
    program.process.kill('SIGTERM');
    await program.until(
      /\[FORKLESS_STOPPING\] ForklessWarning: SIGTERM: waits for 1 client, (?:1\d|2[0-4]) s more at most; a second signal/,
    );
    peer.send('quit\n');
    expect(await program.exited).toBe(0);
    expect(program.said).not.toContain('FORKLESS_CLIENTS_CUT');
  });

  it.each([[[]], [['heard']]])(
    'says which clients were cut off at its end, unless somebody hears: %j',
    async (flags) => {
      run('short', ...flags);
      const [port = 0] = await listening();
      const peers = [await client(port), await client(port)];
      program.process.kill('SIGTERM');
      expect(await program.exited).toBe(0);
      await Promise.all(peers.map(({ closed }) => closed));
      const told =
        /\[FORKLESS_CLIENTS_CUT\] ForklessWarning: Worker 1 was killed with 2 clients, \d+ ms after it was asked to leave \(closing\)/;
      if (flags.length === 0) expect(program.said).toMatch(told);
      else expect(program.said).not.toContain('FORKLESS');
      expect(program.said.includes('killed with 2\n')).toBe(flags.length > 0);
    },
  );

  it('a signal while it starts is no error', async () => {
    run('never-ready');
    await program.until(/starting/);
    program.process.kill('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(program.said).toBe('starting\nclosed\n');
  });

  it('two preforks have one listener, and the process ends when both have closed', async () => {
    run('two');
    const [port = 0, second = 0, ...counts] = await listening();
    expect(counts).toEqual([1, 1]);
    const peer = await client(second);
    program.process.kill('SIGTERM');
    await program.until(/^closed\n/m);
    await refused(port);
    await peer.send('still\n').until(/still/);
    peer.socket.end();
    expect(await program.exited).toBe(0);
    expect(program.said).toMatch(/\nclosed\nsecond closed\n$/);
  });

  it('a program may do something after it has closed, but not for ever', async () => {
    run('afterwards', 'for-ever');
    await listening();
    program.process.kill('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(program.said).toMatch(/closed\nafterwards\n$/);
  });

  it('keeps an exit code that the program has set', async () => {
    run('code');
    await listening();
    program.process.kill('SIGTERM');
    expect(await program.exited).toBe(7);
  });

  it('is no more once the prefork has closed: a signal does what it does to any program', async () => {
    run('closes');
    expect(await program.until(/left (\d) (\d)/)).toMatchObject({ 1: '0', 2: '0' });
    program.process.kill('SIGTERM');
    expect(await program.exited).toBe('SIGTERM');
  });
});
