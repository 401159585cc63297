import { once } from 'node:events';
import { threadId } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { type ThreadHost } from '../../src/main/threads/host.ts';
import { moduleUrl, settings, startOn, type Run } from '../main/threads/runs.ts';

// The built file, and the same that the modules import: they share what stands in for the thread.
const HOST = new URL('../../dist/alone/inline-host.js', import.meta.url).href;
const CLOCK = new URL('../../dist/alone/virtual-clock.js', import.meta.url).href;
const { InlineHost } = (await import(HOST)) as { InlineHost: new (options: object) => ThreadHost };
const { VirtualClock } = (await import(CLOCK)) as { VirtualClock: new () => object };

const host = new InlineHost({ clock: new VirtualClock(), serveTimeout: 500 });
const start = (module: string): Run => startOn(host, moduleUrl(module));

/** What of the conformance suite of thread hosts can be true without a thread. */
describe('the thread host inline', () => {
  it('loads the module in this thread, as an instance of its own, and gives it its boot data', async () => {
    const [one, two] = [start('echo.mjs'), start('echo.mjs')];
    const [first, second] = (await Promise.all([one.message(1), two.message(1)])) as {
      url: string;
      loaded: string;
    }[];
    expect(first).toMatchObject({ threadId, isMainThread: true, settings: { window: 4 } });
    expect(first!.loaded).toContain('echo.mjs');
    expect([first!.url, second!.url]).toEqual([moduleUrl('echo.mjs'), moduleUrl('echo.mjs')]);
    Atomics.store(settings.leases, 1, 42);
    expect((first as unknown as { settings: typeof settings }).settings.leases[1]).toBe(42);
  });

  it('loads a CommonJS module', async () => {
    const run = start('echo.cjs');
    expect(await run.message(1)).toEqual({ loaded: moduleUrl('echo.cjs') });
    run.port.postMessage('hello');
    expect(await run.message(2)).toEqual({ echo: 'hello' });
  });

  it('loads a data: URL', async () => {
    const source = `import { bootSlot } from '${new URL('../../dist/alone/boot.js', import.meta.url).href}';
      bootSlot().port.on('message', () => undefined);
      bootSlot().port.postMessage(import.meta.url.slice(0, 5));`;
    expect(await startOn(host, `data:text/javascript,${encodeURIComponent(source)}`).message(1)).toBe(
      'data:',
    );
  });

  it('carries messages and transferred things both ways', async () => {
    const run = start('echo.mjs');
    const bytes = new Uint8Array([7, 8]).buffer;
    run.port.postMessage({ transfer: [bytes] }, [bytes]);
    expect(bytes.byteLength).toBe(0);
    const { echo } = (await run.message(2)) as { echo: { transfer: ArrayBuffer[] } };
    expect([...new Uint8Array(echo.transfer[0]!)]).toEqual([7, 8]);
  });

  it('carries every message that was posted before the end, and tells the end after it', async () => {
    const run = start('last-words.mjs');
    expect(await run.exit()).toEqual({ code: 3, reason: 'exited' });
    expect(run.exits[0]!.after).toBe(5000);
  });

  it('tells of one that leaves: with code 0 and its exit handlers run', async () => {
    const before = process.listenerCount('exit');
    const run = start('echo.mjs');
    await run.message(1);
    run.port.postMessage('leave');
    expect(await run.exit()).toEqual({ code: 0, reason: 'exited' });
    expect(run.messages.at(-1)).toBe('bye');
    expect(process.listenerCount('exit')).toBe(before);
  });

  it.each(['exit-7.mjs', 'exit-7-at-top.mjs'])(
    'tells of one that calls process.exit(7): %s',
    async (module) => {
      expect(await start(module).exit()).toEqual({ code: 7, reason: 'exited' });
    },
  );

  it('tells of one that throws at its top', async () => {
    const { code, reason, error } = await start('throw-at-top.mjs').exit();
    expect({ code, reason }).toEqual({ code: 1, reason: 'crashed' });
    expect(error).toMatchObject({ name: 'RangeError', message: 'thrown at top', code: 'E_TOP' });
    expect((error as Error).stack).toContain('throw-at-top.mjs');
    expect(await start('throw-null-at-top.mjs').exit()).toEqual({ code: 1, reason: 'crashed', error: null });
  });

  it('tells of one whose module is missing, or has a syntax error', async () => {
    const { reason, error } = await start('missing.mjs').exit();
    expect(reason).toBe('crashed');
    expect((error as Error).message).toContain('missing.mjs');
    const wrong = await startOn(host, 'data:text/javascript,const%20=%201').exit();
    expect(wrong).toMatchObject({ reason: 'crashed', error: { name: 'SyntaxError' } });
  });

  it('tells of one that has nothing to wait for', async () => {
    expect(await startOn(host, 'data:text/javascript,1').exit()).toEqual({ code: 0, reason: 'exited' });
  });

  it.each(['pending-at-top.mjs', 'echo.mjs'])('terminates %s', async (module) => {
    const run = start(module);
    await run.message(1);
    run.thread.terminate();
    run.thread.terminate();
    expect(run.exits).toEqual([]);
    expect(await run.exit()).toEqual({ code: 1, reason: 'terminated' });
    run.thread.terminate();
  });

  it('terminates one that has not begun, and closes its port', async () => {
    const run = start('echo.mjs');
    const closed = once(run.port, 'close');
    run.thread.terminate();
    expect(await run.exit()).toMatchObject({ reason: 'terminated' });
    await closed;
  });
});
