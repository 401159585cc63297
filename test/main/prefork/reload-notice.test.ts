import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HeldClock } from '../../../src/common/core/clock.ts';
import { SystemClock } from '../../../src/main/master/system-clock.ts';
import { Prefork } from '../../../src/main/prefork/prefork.ts';
import { reloadNotice } from '../../../src/main/prefork/reload-notice.ts';
import { ownSurroundings } from '../../../src/main/prefork/surroundings.ts';
import { UnheardWarnings } from '../../../src/main/prefork/unheard.ts';
import { config, draining, killing, pool, starting, worker } from '../policy/pool.ts';

describe('what a reload waits for', () => {
  it.each([
    [
      [worker(1, { ...draining(1_000), claimed: 2, owed: 1 }), worker(2), worker(3, { generation: 2 })],
      'worker 1 to leave: it has 3 clients, and is killed in 46 s at most (`graceTime`), and then to replace 1 old worker',
    ],
    [
      [worker(1), worker(2, { ...starting(2_000), generation: 2 })],
      'worker 2 to boot, which fails in 27 s at most (`bootTimeout`), and then to replace 1 old worker',
    ],
    [
      [worker(2, { ...starting(2_000, false), generation: 2 })],
      'worker 2 to boot, which fails (`bootTimeout`)',
    ],
    [
      [worker(1, killing(4_000)), worker(2), worker(3), worker(4, { generation: 2 })],
      'worker 1 to end, which was killed, and then to replace 2 old workers',
    ],
  ])('is told in words', (workers, what) => {
    const { text } = reloadNotice(pool(workers, { generation: 2 }), config(), 2, 5_000, 5_000);
    expect(text).toBe(`reload() has waited for 5 s. It waits for ${what}`);
  });
});

/** The time of the system, until it jumps. */
class JumpingClock implements HeldClock {
  readonly #system = new SystemClock();
  readonly #waiting = new Map<() => void, { readonly at: number; readonly cancel: () => void }>();
  #offset = 0;

  now(): number {
    return this.#system.now() + this.#offset;
  }

  callAt(at: number, due: () => void): () => void {
    const run = (): void => {
      cancel();
      due();
    };
    const timer = this.#system.callAt(at - this.#offset, run);
    const cancel = (): void => {
      timer();
      this.#waiting.delete(run);
    };
    this.#waiting.set(run, { at, cancel });
    return cancel;
  }

  hold(held: boolean): void {
    this.#system.hold(held);
  }

  jump(by: number): void {
    this.#offset += by;
    for (const [run, { at }] of [...this.#waiting]) if (at <= this.now()) run();
  }
}

describe('a reload that takes long', () => {
  let clock: JumpingClock;
  let server: Prefork;
  let clients: Socket[] = [];
  let warnings: Error[];
  const note = (warning: Error): void => void warnings.push(warning);

  beforeEach(async () => {
    warnings = [];
    process.on('warning', note);
    clock = new JumpingClock();
    const commands = fileURLToPath(new URL('../../handlers/commands.mjs', import.meta.url));
    const options = {
      workers: 2,
      threadHost: 'worker' as const,
      port: 0,
      host: '127.0.0.1',
      workerExpireTime: 6e6,
      stealAfter: Infinity,
    };
    const unheard = new UnheardWarnings(clock, setImmediate);
    server = new Prefork(commands, options, { ...ownSurroundings(), clock, unheard });
    await server.listen();
    while (server.status().counts.ready < 2) await once(server, 'workerReady');
    clients = Array.from({ length: 2 }, () => connect(server.port ?? 0, '127.0.0.1'));
    await Promise.all(clients.map((client) => once(client, 'data')));
  });

  afterEach(async () => {
    for (const client of clients) client.destroy();
    await server.close({ grace: 0 });
    process.off('warning', note);
  });

  /** An old worker was asked to leave, and waits for its client. */
  const drains = async (): Promise<void> => {
    while (server.status().counts.draining === 0) await new Promise(setImmediate);
  };

  it('says what it waits for', async () => {
    const told = once(process, 'warning') as Promise<[Error]>;
    const reloaded = server.reload();
    await drains();
    clock.jump(5_000);
    const [warning] = await told;
    expect(warning).toMatchObject({ name: 'ForklessWarning', code: 'FORKLESS_RELOADING' });
    expect(warning.message).toMatch(
      /^reload\(\) has waited for 5 s\. It waits for worker \d to leave: it has 1 client, and is killed in \d+ s at most \(`graceTime`\), and then to replace 1 old worker\. End clients when/,
    );
    for (const client of clients) client.destroy();
    await reloaded;
  });

  it('says nothing where somebody is told by the event', async () => {
    server.on('workerRetiring', () => undefined);
    const reloaded = server.reload();
    await drains();
    clock.jump(6_000);
    for (const client of clients) client.destroy();
    await reloaded;
    expect(warnings).toEqual([]);
  });
});
