import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createPrefork, type Prefork, type PreforkOptions } from 'forkless';
import { describe, expect, it } from 'vitest';
import { handlers } from './peers.ts';
import { Program } from './program.ts';

/** What a program says that is a prefork of its own module, or several. */
async function said(name: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(handlers(name))], {
    env: { ...process.env, ...env },
    timeout: 25_000,
  });
  return stdout.trim().split('\n');
}

/** A prefork of one worker, which does not listen yet. */
const ofOne = (name: string, options: PreforkOptions): Prefork =>
  createPrefork({ worker: handlers(name), port: 0, host: '127.0.0.1', workers: 1, ...options });

/** Why a prefork did not begin. */
async function refusal(server: Prefork): Promise<string> {
  const error: unknown = await server.listen().catch((reason: unknown) => reason);
  await server.close({ grace: 0 });
  return String(error);
}

describe.each(['piscina', 'tinypool', 'worker'] as const)('on %s', (threadHost) => {
  it('two preforks of one module that are begun at once have their own handlers', async () => {
    expect(await said('two-at-once', { HOST: threadHost })).toEqual(['A hello', 'B hello']);
  });

  it.each(['', 'yes'])(
    'one behind an awaited other is refused with what to do (that is closed: %j)',
    async (closed) => {
      const [line] = await said('two-in-turn', { HOST: threadHost, CLOSED: closed });
      expect(line).toMatch(/^FORKLESS_BOOT_FAILED .*begin all of a module before the first is awaited/);
    },
  );

  const NEVER_CAME = /^FORKLESS_BOOT_FAILED .*begin all of a module before the first is awaited/;
  // A thread that nothing holds ends by itself; one of a pool is told of, with each place once.
  const AFTER_TWO =
    /^FORKLESS_BOOT_FAILED .*(?:never came, only others \([^,]+:\d+:\d+\)\. |before it called serve\(\))/;
  const REFUSED = /^FORKLESS_BAD_HANDLERS .*some-preforks\.mjs:\d+:\d+ before.*createPrefork\(\)$/;

  it.each<[string, readonly (string | RegExp)[]]>([
    ['in another order', ['one hello', 'other hello']],
    ['one in the main thread alone', [NEVER_CAME, 'other hello']],
    ['behind two of one line in the main thread alone', ['one hello', 'other hello', AFTER_TWO]],
    ['on one line', ['one hello', 'other hello']],
    ['by a function', ['one hello', 'other hello']],
    ['in a loop', ['one hello', REFUSED]],
    ['in a loop with the same handlers', ['same hello', 'same hello']],
    ['by the ancestor', ['one hello', 'other hello']],
  ])('preforks of one module that are begun %s serve their own handlers, or none', async (way, expected) => {
    const lines = await said('some-preforks', { HOST: threadHost, CASE: way });
    expect(lines).toEqual(
      expected.map((each) => (typeof each === 'string' ? each : (expect.stringMatching(each) as string))),
    );
  });

  it('one that is closed can be begun again by the same line with the same handlers', async () => {
    expect(await said('begun-again', { HOST: threadHost })).toEqual(['round 1', 'round 2', 'round 3']);
  });

  it('one that is closed is not begun again with handlers that its workers might not have', async () => {
    const lines = await said('begun-again', { HOST: threadHost, ANEW: 'yes' });
    expect(lines).toEqual([
      'round 1',
      expect.stringMatching(/^FORKLESS_BAD_HANDLERS .*begun-again\.mjs:\d+:\d+ before/),
    ]);
  });

  const beginsWith = (MODULE: string, env: NodeJS.ProcessEnv = {}): Program =>
    new Program(process.execPath, [fileURLToPath(handlers('begins-never-serving'))], {
      HOST: threadHost,
      MODULE,
      ...env,
    });

  // Long before `bootTimeout`: nothing holds the thread.
  it.each([
    [
      'never-serves',
      /ended with code 0 before it called serve\(\) .*What it exports is not served by itself/,
    ],
    ['waits-for-ever', /ended with code 13 before it called serve\(\) .*nothing can settle any more/],
  ])('a module that never calls serve() fails the boot at once: %s', async (name, text) => {
    const program = beginsWith(name);
    expect(await program.exited, program.said).toBe(0);
    expect(program.said).toMatch(text);
    expect(program.said).not.toContain('FORKLESS_NEVER_SERVES');
  });

  // A thread of Node's own runs no line of this package before the module's first.
  it.skipIf(threadHost === 'worker')(
    'one that something holds is told of, once for all workers, and with the time that is left',
    async () => {
      const program = beginsWith('listens-itself', { BOOT_TIMEOUT: '4000' });
      expect(await program.exited, program.said).toBe(0);
      const warnings = program.said.match(/\[FORKLESS_NEVER_SERVES\] .*/g) ?? [];
      expect(warnings.length).toBe(1);
      expect(warnings[0]).toMatch(
        /is loaded and has not called serve\(\).* Unless it does so within [1-3] s \(`bootTimeout`\)/,
      );
      expect(program.said).toContain('was not ready within 4000 ms');
    },
  );

  it.each([
    ['after work that Node does not name', 'serves-after-hash'],
    ['later, while something is under way', 'serves-slowly'],
  ])('a module may serve %s', async (_, name) => {
    const server = ofOne(name, { threadHost });
    await server.listen();
    expect(server.status().counts.ready).toBe(1);
    await server.close();
  });

  it.each(['', '127.0.0.1'])(
    'a module that listens is told where, and that it need not (on %j)',
    async (ADDRESS) => {
      const other = createServer().listen(0);
      await once(other, 'listening');
      const { port: taken } = other.address() as AddressInfo;
      const server = createPrefork({
        worker: handlers('listens-too'),
        env: { ...process.env, TAKEN: String(taken), ADDRESS },
        port: 0,
        host: '127.0.0.1',
        workers: 1,
        threadHost,
      });
      const error: unknown = await server.listen().catch((reason: unknown) => reason);
      other.close();
      expect(error).toMatchObject({ code: 'FORKLESS_BOOT_FAILED', cause: { code: 'EADDRINUSE' } });
      expect((error as Error).message).toMatch(
        /listen EADDRINUSE.* \(a worker module does not listen: the prefork does.* the call of listen\(\) at \S+listens-too\.mjs:7:16\)$/,
      );
    },
  );

  it('a module that fails right after serve() fails the boot', async () => {
    const error = await refusal(ofOne('fails-after-serve', { threadHost }));
    expect(error).toContain('right after serve()');
  });

  it('a thread that hangs before its loop has ever turned does not boot, and no debugger is blamed', async () => {
    const server = ofOne('serves-later', {
      execArgv: ['--require', fileURLToPath(new URL('../handlers/loops-first.cjs', import.meta.url))],
      threadHost,
      bootTimeout: 800,
    });
    let debugged = 0;
    server.on('workerDebugged', () => (debugged += 1));
    await expect(server.listen()).rejects.toMatchObject({ code: 'FORKLESS_BOOT_TIMEOUT' });
    expect(debugged).toBe(0);
  });
});
