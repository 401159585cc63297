import { type Millis } from '../../src/common/core/types.ts';
import { Prefork } from '../../src/main/prefork/prefork.ts';
import { type ThreadHost } from '../../src/main/threads/host.ts';
import { FakeClock } from '../main/master/fake-clock.ts';
import { fakeLink, type FakePort } from './fake-link.ts';
import { FakeThread, type Fate, type Manner, type ThreadWorld } from './fake-thread.ts';
import { type RunningOptions, type ListenTarget } from '../../src/main/prefork/option-types.ts';

export const WELL: Fate = {
  bootTime: 50,
  boot: 'well',
  crashAfter: undefined,
  hangAfter: undefined,
  deaf: false,
  dyingTime: 10,
};

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A promise that was given out, and what has become of it. */
export interface Waiting {
  readonly call: string;
  end: string | undefined;
}

/** A prefork over fake threads, ports and time, whose host calls it in any order. */
export class Callers implements ThreadWorld {
  readonly clock = new FakeClock(1_000);
  readonly abort = new AbortController();
  readonly prefork: Prefork;
  readonly promises: Waiting[] = [];
  readonly #fates: readonly Fate[];
  readonly #threads = new Set<FakeThread>();
  readonly #nears = new Set<FakePort>();
  readonly #turns: (() => void)[] = [];
  #births = 0;
  #ours = 0;

  /** The fates of the births in turn, over and over. */
  constructor(fates: readonly Fate[], options: RunningOptions = {}) {
    this.#fates = fates;
    const host: ThreadHost = {
      name: 'worker',
      start: (spec, exited) => {
        const fate = this.#fates[this.#births++ % this.#fates.length] ?? WELL;
        const thread = new FakeThread(this, spec, exited, fate);
        this.#threads.add(thread);
        return thread;
      },
    };
    this.prefork = new Prefork(
      'file:///simulated.js',
      {
        startWorkers: 2,
        maxWorkers: 3,
        maxZombies: 2,
        masterHeartbeat: 1_000,
        workerHeartbeat: 200,
        workerExpireTime: 1_500,
        graceTime: 1_000,
        bootTimeout: 1_000,
        killTimeout: 300,
        minUptime: 200,
        maxBootRetryDelay: 2_000,
        lingerTimeout: 1_000,
        signal: this.abort.signal,
        onStuck: () => undefined,
        ...options,
      },
      {
        clock: this.clock,
        random: () => 0.5,
        loadHost: () => Promise.resolve(host),
        openLink: () => {
          const link = fakeLink(512);
          this.#nears.add(link.near as unknown as FakePort);
          return link;
        },
        atTurnEnd: (run) => this.#turns.push(run),
        cores: 2,
        unheard: {
          missed: () => undefined,
          notice: () => undefined,
          recovered: () => undefined,
          closing: () => undefined,
          stop: () => undefined,
        },
      },
    );
  }

  /** Timers that are armed, besides those of the simulation itself. */
  get timers(): number {
    return this.clock.armed - this.#ours;
  }

  get pending(): readonly string[] {
    return this.promises.filter(({ end }) => end === undefined).map(({ call }) => call);
  }

  /** Calls something that may also be refused at once. */
  call(name: string, run: () => unknown): void {
    const waiting: Waiting = { call: name, end: undefined };
    this.promises.push(waiting);
    const settled = async (): Promise<void> => {
      await run();
    };
    settled().then(
      () => (waiting.end = 'done'),
      (error: unknown) => (waiting.end = String((error as { code?: unknown }).code)),
    );
  }

  start(): void {
    this.call('start', () => this.prefork.start());
  }

  listen(target: ListenTarget = { port: 0, host: '127.0.0.1' }): void {
    this.call('listen', () => this.prefork.listen(target));
  }

  /** The n-th worker, if there is one. */
  retire(nth: number): void {
    this.call('retire', () => {
      const { workers } = this.prefork.status();
      const worker = workers[nth % Math.max(1, workers.length)];
      if (worker) this.prefork.retire(worker.id);
    });
  }

  /** So much time, in which everything that can move does. */
  async pass(time: Millis): Promise<void> {
    for (let left = time; left > 0; left -= 100) {
      await this.move();
      this.clock.advance(Math.min(left, 100));
    }
    await this.move();
  }

  /** Until nothing is pending, for so long at most. */
  async settle(most: Millis): Promise<void> {
    for (let left = most; left > 0 && this.pending.length > 0; left -= 100) await this.pass(100);
  }

  async move(): Promise<void> {
    for (let idle = 0; idle < 3; idle += 1) {
      const due = this.#turns.splice(0);
      for (const run of due) run();
      let moved = due.length > 0;
      for (const port of this.#nears) while (port.deliver()) moved = true;
      for (const thread of [...this.#threads])
        for (let most = 100; thread.canMove && most > 0; most -= 1) {
          moved = true;
          const { phase } = thread;
          thread.move(0);
          if (phase === 'ended') this.#threads.delete(thread);
        }
      await nextTurn();
      if (moved) idle = -1;
    }
  }

  in(wait: Millis, run: () => void): void {
    if (wait === Infinity) return;
    this.#ours += 1;
    this.clock.callAt(this.clock.now() + wait, () => {
      this.#ours -= 1;
      run();
    });
  }

  count(): void {
    // What happens is not the matter here.
  }

  claimed(): Manner {
    return 'echo';
  }
}
