import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type HostName, type ThreadHost, type ThreadSpec } from '../../../src/main/threads/host.ts';
import { BASES } from '../../handlers/hostile.mjs';
import { Developer } from '../../developer.ts';
import { moduleUrl, settings, startOn, type Run } from './runs.ts';

// The built files: a pool loads its entry from them. No types, so that this file checks without a build.
const HOSTS = new URL('../../../dist/alone/hosts.js', import.meta.url).href;
const { loadHost } = (await import(HOSTS)) as { loadHost: (name: HostName) => Promise<ThreadHost> };

describe.each<HostName>(['worker', 'piscina', 'tinypool'])('the thread host %s', (name) => {
  let host: ThreadHost;
  const start = (module: string, extra?: Partial<ThreadSpec>): Run => startOn(host, moduleUrl(module), extra);

  beforeAll(async () => {
    host = await loadHost(name);
  });

  it('has the name it was asked for by', () => {
    expect(host.name).toBe(name);
  });

  describe('starts', () => {
    it('a thread of its own that loads the module and gets its boot data', async () => {
      const run = start('echo.mjs');
      const said = await run.message(1);
      expect(said).toMatchObject({
        threadId: run.thread.threadId,
        isMainThread: false,
        url: moduleUrl('echo.mjs'),
        loaded: moduleUrl('echo.mjs'),
        settings: { window: 4 },
      });
      const { leases } = (said as { settings: typeof settings }).settings;
      Atomics.store(settings.leases, 1, 42);
      expect(leases[1]).toBe(42);
    });

    it('with the options of the thread', async () => {
      const run = start('echo.mjs', {
        resourceLimits: { maxOldGenerationSizeMb: 77 },
        env: { COLOUR: 'teal', HOLE: undefined },
        argv: ['--one', 'two'],
        execArgv: ['--no-warnings'],
      });
      expect(await run.message(1)).toMatchObject({
        limit: 77,
        env: 'teal',
        hole: false,
        argv: ['--one', 'two'],
        execArgv: ['--no-warnings'],
      });
    });

    it('a CommonJS module', async () => {
      const run = start('echo.cjs');
      expect(await run.message(1)).toEqual({ loaded: moduleUrl('echo.cjs') });
      run.port.postMessage('hello');
      expect(await run.message(2)).toEqual({ echo: 'hello' });
    });

    it('a data: URL', async () => {
      const source = `import { bootSlot } from '${new URL('../../../dist/alone/boot.js', import.meta.url).href}';
        bootSlot().port.on('message', () => undefined);
        bootSlot().port.postMessage(import.meta.url.slice(0, 5));`;
      const run = startOn(host, `data:text/javascript,${encodeURIComponent(source)}`);
      expect(await run.message(1)).toBe('data:');
    });

    it('four at once, each with its own port', async () => {
      const four = Array.from({ length: 4 }, () => start('echo.mjs'));
      await Promise.all(four.map((run) => run.message(1)));
      expect(new Set(four.map((run) => run.thread.threadId)).size).toBe(4);
      four.forEach((run, index) => {
        run.port.postMessage(index);
      });
      expect(await Promise.all(four.map((run) => run.message(2)))).toEqual(
        [0, 1, 2, 3].map((echo) => ({ echo })),
      );
    });
  });

  describe('carries', () => {
    it('messages and transferred things both ways on the boot port', async () => {
      const run = start('echo.mjs');
      const bytes = new Uint8Array([7, 8]).buffer;
      run.port.postMessage({ transfer: [bytes] }, [bytes]);
      expect(bytes.byteLength).toBe(0);
      const { echo } = (await run.message(2)) as { echo: { transfer: ArrayBuffer[] } };
      expect([...new Uint8Array(echo.transfer[0]!)]).toEqual([7, 8]);
    });

    it('what user code posts to parentPort as messages, null included', async () => {
      const run = start('posts-to-parent.mjs');
      await run.message(4);
      expect(run.messages).toEqual([
        { kind: 'message', value: null },
        { kind: 'message', value: { some: 'object' } },
        { kind: 'message', value: new Uint8Array([1, 2, 3]).buffer },
        { kind: 'message', value: { left: 0 } },
      ]);
      expect(run.exits).toEqual([]);
    });

    it('every message that was posted before the end, and tells the end after it', async () => {
      const run = start('last-words.mjs');
      expect(await run.exit()).toEqual({ code: 3, reason: 'exited' });
      expect(run.exits[0]!.after).toBe(5000);
      expect(run.messages.at(-1)).toBe(5000);
    });
  });

  describe('tells how a thread ended', () => {
    it('that leaves: with code 0 and its exit handlers run', async () => {
      const run = start('echo.mjs');
      await run.message(1);
      run.port.postMessage('leave');
      expect(await run.exit()).toEqual({ code: 0, reason: 'exited' });
      expect(run.messages.at(-1)).toBe('bye');
    });

    it.each(['exit-7.mjs', 'exit-7-at-top.mjs'])('that calls process.exit(7): %s', async (module) => {
      expect(await start(module).exit()).toEqual({ code: 7, reason: 'exited' });
    });

    it.each([
      ['throw-later.mjs', { name: 'RangeError', message: 'thrown later', code: 'E_LATER' }],
      ['throw-at-top.mjs', { name: 'RangeError', message: 'thrown at top', code: 'E_TOP' }],
      ['reject-unhandled.mjs', { name: 'TypeError', message: 'nobody caught me', code: 'E_REJECTED' }],
    ])('that crashes: %s', async (module, fields) => {
      const { code, reason, error } = await start(module).exit();
      expect({ code, reason }).toEqual({ code: 1, reason: 'crashed' });
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject(fields);
      expect((error as Error).stack).toContain(module);
    });

    it.each(['throw-null.mjs', 'throw-null-at-top.mjs'])('that throws null: %s', async (module) => {
      expect(await start(module).exit()).toEqual({ code: 1, reason: 'crashed', error: null });
    });

    it.each(['top', 'later'])('that throws what resists being looked at: %s', async (when) => {
      // Of an error that is its own cause Node 20 tells for half a minute; where a worker serves, that is seen to.
      const bases = Object.keys(BASES).filter((base) => base !== 'circular error');
      const names = ['message', 'code', 'stack', 'constructor'];
      const fields = names.map((field) => ({ base: 'error', fields: { [field]: 'throwing getter' } }));
      for (const given of [...bases.map((base) => ({ base })), ...fields]) {
        const exit = await start('throw-odd.mjs', { argv: [when, JSON.stringify(given)] }).exit();
        expect(exit, JSON.stringify(given)).toMatchObject({ code: 1, reason: 'crashed' });
      }
    });

    it('whose module is missing', async () => {
      const { reason, error } = await start('missing.mjs').exit();
      expect(reason).toBe('crashed');
      expect(error).toMatchObject({
        code: expect.stringMatching(/^(ERR_)?MODULE_NOT_FOUND$/) as unknown,
        message: expect.stringContaining('missing.mjs') as unknown,
      });
    });

    it('whose module has a syntax error', async () => {
      const { reason, error } = await startOn(host, 'data:text/javascript,const%20=%201').exit();
      expect(reason).toBe('crashed');
      expect(error).toMatchObject({ name: 'SyntaxError' });
    });

    it('that runs out of memory, and the process lives on', async () => {
      const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 8 };
      const exit = await start('out-of-memory.mjs', { resourceLimits }).exit();
      expect(exit).toMatchObject({ reason: 'out-of-memory', error: { code: 'ERR_WORKER_OUT_OF_MEMORY' } });
    });

    it('that cannot start because of an invalid execArgv, and closes its port', async () => {
      const run = start('echo.mjs', { execArgv: ['--no-such-flag'] });
      const closed = once(run.port, 'close');
      expect(await run.exit()).toMatchObject({
        reason: 'crashed',
        error: { code: 'ERR_WORKER_INVALID_EXEC_ARGV' },
      });
      expect(run.thread.threadId).toBe(-1);
      expect(run.thread.sample()).toEqual({ utilization: 0 });
      await closed;
    });

    it('that cannot start because its settings cannot be cloned', async () => {
      const { port2 } = new MessageChannel();
      const boot = { url: moduleUrl('echo.mjs'), port: port2, settings: { no: () => undefined } };
      const { reason, error } = await start('echo.mjs', { boot }).exit();
      expect(reason).toBe('crashed');
      expect(error).toMatchObject({ name: 'DataCloneError' });
    });

    it('that fails before it gets to run any module of ours', async () => {
      const extra = { execArgv: ['--require', '/no/such/file.cjs'] };
      expect(await start('echo.mjs', extra).exit()).toMatchObject({
        reason: 'crashed',
        error: { code: 'MODULE_NOT_FOUND' },
      });
    });
  });

  describe('terminates', () => {
    it.each(['busy-loop.mjs', 'busy-at-top.mjs', 'pending-at-top.mjs', 'echo.mjs'])('%s', async (module) => {
      const run = start(module);
      await run.message(1);
      run.thread.terminate();
      run.thread.terminate();
      expect(run.exits).toEqual([]);
      expect(await run.exit()).toEqual({ code: 1, reason: 'terminated' });
    });

    it('a thread that has not begun, and closes its port', async () => {
      const run = start('echo.mjs');
      const closed = once(run.port, 'close');
      run.thread.terminate();
      expect(await run.exit()).toMatchObject({ reason: 'terminated' });
      await closed;
    });

    it('a thread in native code when the call returns, and harms no other meanwhile', async () => {
      const run = start('stuck-in-native-code.mjs');
      await run.message(1);
      // The message is posted just before the thread sticks.
      await vi.waitFor(() => {
        run.thread.sample();
        expect(run.thread.sample().utilization).toBe(1);
      }, 20_000);
      // A session with a thread that is being terminated may end the process.
      const sessions = vi.spyOn(Session.prototype, 'connect');
      run.thread.terminate();
      const other = start('echo.mjs');
      await other.message(1);
      other.port.postMessage('still here');
      expect(await other.message(2)).toEqual({ echo: 'still here' });
      expect(await run.exit()).toEqual({ code: 1, reason: 'terminated' });
      expect(sessions).not.toHaveBeenCalled();
      sessions.mockRestore();
    });

    it('nothing twice: a thread that had crashed before stays crashed', async () => {
      const run = start('throw-later.mjs');
      await run.exit();
      run.thread.terminate();
      expect(run.exits.map(({ exit }) => exit.reason)).toEqual(['crashed']);
    });

    it('20 threads in a row and leaves nothing', async () => {
      const active = (): string[] =>
        process
          .getActiveResourcesInfo()
          .filter((kind) => kind !== 'Timeout')
          .sort();
      const before = active();
      for (let count = 0; count < 20; count++) {
        const run = start('echo.mjs');
        if (count % 2 === 0) await run.message(1);
        run.thread.terminate();
        await run.exit();
        run.port.close();
      }
      await vi.waitFor(() => {
        expect(active()).toEqual(before);
      }, 20_000);
    });
  });

  describe('in a debugger', () => {
    let developer: Developer;
    const looked = (run: Run): Promise<boolean> =>
      new Promise((resolve) => {
        run.thread.lookForDebugger(resolve);
      });
    const stopped = async (): Promise<Run> => {
      const run = start('breakpoint.mjs');
      await run.message(1);
      developer = new Developer();
      await developer.attach(run.thread.threadId);
      run.port.postMessage('stop');
      await developer.paused(run.thread.threadId);
      return run;
    };

    afterEach(() => {
      developer.leave();
    });

    it('is found there, and stays there', async () => {
      const run = await stopped();
      const { threadId } = run.thread;
      expect([await looked(run), await looked(run)]).toEqual([true, true]);
      const stack = await new Promise<readonly string[]>((resolve) => {
        run.thread.examine((findings) => {
          resolve(findings.stack);
        });
      });
      expect(stack[0]).toContain('breakpoint.mjs');
      expect(await looked(run)).toBe(true);
      expect([
        developer.count(threadId, 'Debugger.paused'),
        developer.count(threadId, 'Debugger.resumed'),
      ]).toEqual([1, 0]);
      expect(run.messages).toEqual(['up', 'stops']);
      await developer.send(threadId, 'Debugger.resume');
      expect(await run.message(3)).toBe('went on');
      expect(await looked(run)).toBe(false);
    });

    it('is ended all the same', async () => {
      const run = await stopped();
      run.thread.terminate();
      expect(await run.exit()).toEqual({ code: 1, reason: 'terminated' });
      expect(run.messages).not.toContain('went on');
    });

    it('is found there before its first line', async () => {
      developer = new Developer({ waitOnStart: true });
      const run = start('echo.mjs');
      expect(await looked(run)).toBe(true);
      expect(run.messages).toEqual([]);
      run.thread.terminate();
      await run.exit();
    });

    it.each(['busy-loop.mjs', 'busy-at-top.mjs', 'pending-at-top.mjs', 'echo.mjs'])(
      'is not found where it only seems to stand: %s',
      async (module) => {
        developer = new Developer();
        const run = start(module);
        await run.message(1);
        await developer.attach(run.thread.threadId);
        expect(await looked(run)).toBe(false);
      },
    );
  });

  it('ends a loop that was looked into, and takes none of its own looks for a debugger', async () => {
    for (let count = 0; count < 5; count++) {
      const run = start('busy-loop.mjs');
      await run.message(1);
      const examined = vi.fn();
      const looked = vi.fn();
      run.thread.examine(examined);
      if (count > 2)
        await vi.waitFor(() => {
          expect(examined).toHaveBeenCalled();
        }, 20_000);
      run.thread.lookForDebugger(looked);
      await vi.waitFor(() => {
        expect(looked).toHaveBeenCalledTimes(1);
      }, 20_000);
      expect([looked.mock.calls, examined.mock.calls.length]).toEqual([[[false]], 1]);
      run.thread.terminate();
      expect(await run.exit()).toEqual({ code: 1, reason: 'terminated' });
    }
  });

  it('is not known of a native call, and told once', async () => {
    const run = start('stuck-in-native-code.mjs');
    await run.message(1);
    const found: boolean[] = [];
    const end = run.thread.lookForDebugger((debugged) => found.push(debugged));
    end();
    end();
    expect(found).toEqual([false]);
  });

  it('samples the utilization of a thread without its help', async () => {
    const busy = start('busy-loop.mjs');
    const idle = start('echo.mjs');
    await Promise.all([busy.message(1), idle.message(1)]);
    await vi.waitFor(() => {
      expect(busy.thread.sample().utilization).toBeCloseTo(1);
      expect(idle.thread.sample().utilization).toBeLessThan(0.9);
    }, 20_000);
    busy.thread.terminate();
    await busy.exit();
    expect(busy.thread.sample()).toEqual({ utilization: 0 });
  });

  it.each([
    ['goes when its thread is unrefed at once', 'echo.mjs', 'unref at once', 'ended 0'],
    ['goes when its thread is unrefed later', 'echo.mjs', 'unref later', 'up ended 0'],
    ['stays while its thread runs', 'ends-by-itself.mjs', 'unref and ref', '5 ended 0'],
    ['stays until it is told that its thread left', 'echo.mjs', 'leave', '0 ended 0'],
    ['stays until it is told that its thread was terminated', 'echo.mjs', 'terminate', 'terminated ended 0'],
  ])('a process with nothing else to do %s', async (_what, module, way, output) => {
    expect(await outputOf('alone.mjs', name, module, way)).toBe(output);
  });

  it('ends a thread at whatever moment of its load, and never the process', async () => {
    expect(await outputOf('terminates.mjs', name, '300')).toBe('300 ended ended 0');
  }, 120_000);
});

// Requiring an ES module, a thread that is terminated takes the process with it; but only where it is in the midst of it.
it('is given no ES module to require, by whichever host', () => {
  const entry = createRequire(import.meta.url)('../../../dist/pool-entry.cjs') as unknown;
  expect(entry).toBeTypeOf('function');
});

async function outputOf(program: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [fileURLToPath(moduleUrl(program)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 110_000,
  });
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text.trim()));
  const [code] = (await once(child, 'close')) as [number | null];
  return [...output, `ended ${String(code)}`].join(' ');
}
