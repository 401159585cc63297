import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { ProcessSignals, type Closable, type Remainder } from '../../../src/main/prefork/signals.ts';

/** A prefork that closes when the test says so. */
class Fake extends EventEmitter<{ closed: [{ zombies: readonly number[] }] }> implements Closable {
  closes = 0;
  remainder: Remainder | undefined;

  close(): Promise<void> {
    this.closes += 1;
    return Promise.resolve();
  }
}

const NAMES = ['SIGINT', 'SIGTERM'] as const;
const send = (name: 'SIGINT' | 'SIGTERM'): boolean => process.emit(name, name);

let now = 0;
let exit: MockInstance;
let kill: MockInstance;
let before: [string, (...given: unknown[]) => void][] = [];

beforeEach(() => {
  now = 0;
  // Those of the test runner.
  before = [...NAMES, 'beforeExit'].flatMap((name) =>
    process.rawListeners(name as 'SIGINT').map((each) => [name, each as () => void] as [string, () => void]),
  );
  for (const [name] of before) process.removeAllListeners(name);
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
  kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const name of [...NAMES, 'beforeExit']) process.removeAllListeners(name);
  for (const [name, listener] of before) process.on(name, listener);
});

function heeded(count: number): { signals: ProcessSignals; servers: Fake[] } {
  const signals = new ProcessSignals();
  const servers = Array.from({ length: count }, () => new Fake());
  for (const server of servers) signals.heed(server, () => server.remainder);
  return { signals, servers };
}

/** What a prefork waits for. */
const left = (workers: number, clients: number, closesIn: number): Remainder => ({
  workers: Array.from({ length: workers }),
  connections: { open: clients },
  closesIn,
});

const close = (server: Fake | undefined, ...zombies: number[]): unknown =>
  server?.emit('closed', { zombies });

describe('signals of the process', () => {
  it('the first closes all preforks, also one that begins afterwards', () => {
    const { signals, servers } = heeded(2);
    send('SIGTERM');
    const late = new Fake();
    signals.heed(late, () => undefined);
    expect([...servers, late].map(({ closes }) => closes)).toEqual([1, 1, 1]);
  });

  it('the process ends when the last has closed', () => {
    const { servers } = heeded(2);
    send('SIGTERM');
    close(servers[0]);
    vi.advanceTimersByTime(10_000);
    expect(exit).not.toHaveBeenCalled();
    close(servers[1]);
    vi.advanceTimersByTime(999);
    expect(exit).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(exit).toHaveBeenCalledWith();
  });

  it('a second one ends it at once, and lets a third do what it does without us', () => {
    heeded(1);
    send('SIGTERM');
    send('SIGINT');
    expect(exit).toHaveBeenCalledWith();
    expect(NAMES.map((name) => process.listenerCount(name))).toEqual([0, 0]);
  });

  it('the same one within 200 ms is no second: npm passes on what a terminal has sent already', () => {
    heeded(1);
    send('SIGINT');
    now = 200;
    send('SIGINT');
    expect(exit).not.toHaveBeenCalled();
    now = 201;
    send('SIGINT');
    expect(exit).toHaveBeenCalledWith();
  });

  it('kills the process where a thread could not be ended, for which an exit would wait', () => {
    const { servers } = heeded(1);
    send('SIGTERM');
    close(servers[0], 3);
    vi.advanceTimersByTime(1_000);
    expect(exit).not.toHaveBeenCalled();
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGKILL');
  });

  it('are listened to once for all, and no more when the last prefork has closed by itself', () => {
    const { servers } = heeded(2);
    const counts = (): number[] => NAMES.map((name) => process.listenerCount(name));
    expect(counts()).toEqual([1, 1]);
    close(servers[0]);
    expect(counts()).toEqual([1, 1]);
    close(servers[1]);
    expect(counts()).toEqual([0, 0]);
    vi.advanceTimersByTime(10_000);
    expect(exit).not.toHaveBeenCalled();
  });

  it('what is waited for is told once, if it takes longer than most', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    const told = (): unknown[] => warn.mock.calls.splice(0).map(([text]) => text);
    const { servers } = heeded(3);
    servers[0]!.remainder = left(3, 3, 3_400.5);
    servers[1]!.remainder = left(1, 1, 2_000);
    send('SIGTERM');
    vi.advanceTimersByTime(1_499);
    expect(told()).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(told()).toEqual([
      'SIGTERM: waits for 4 clients, 4 s more at most; a second signal ends the process at once',
    ]);
  });

  it.each<[string, Remainder | undefined]>([
    ['1 client, without a limit', left(1, 1, Infinity)],
    ['2 workers to leave, 24 s more at most', left(2, 0, 23_500)],
    ['0 workers to leave, 0 s more at most', undefined],
  ])('and so are %s', (what, remainder) => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    const { servers } = heeded(1);
    servers[0]!.remainder = remainder;
    send('SIGINT');
    vi.advanceTimersByTime(1_500);
    expect(warn.mock.calls[0]?.[0]).toContain(`waits for ${what};`);
  });

  it('nothing is told of one that has closed by then', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    const { servers } = heeded(1);
    send('SIGINT');
    vi.advanceTimersByTime(1_000);
    close(servers[0]);
    vi.advanceTimersByTime(10_000);
    expect(warn).not.toHaveBeenCalled();
  });

  it('a start that fails for another reason is told', async () => {
    const { signals, servers } = heeded(1);
    const error = new Error('no port');
    expect(await signals.unlessStopped(servers[0]!, error)).toBe(error);
  });
});
