/**
 * A worker that has no thread of its own, as the master, its runtime and the test see it. Runs in the thread of the
 * test.
 */
import { threadId } from 'node:worker_threads';
import { type Cancel, type Clock } from '../common/core/clock.ts';
import { type Millis, type WorkerId } from '../common/core/types.ts';
import {
  type Thread,
  type ThreadExit,
  type ThreadFindings,
  type ThreadSample,
  type ThreadSpec,
} from '../main/threads/host.ts';
import { afterLastMessage } from '../main/threads/watch.ts';
import { type BootSlot } from '../common/boot/boot-data.ts';
import { type OwnThread } from '../common/boot/own-thread.ts';
import { ownMemory } from '../worker/thread/node-thread.ts';
import {
  leftBy,
  letGoOf,
  mayHaveLeft,
  moveIn,
  moveOut,
  runInside,
  runOutside,
  tellExit,
  type Inhabitant,
} from './inhabitants.ts';
import { enterHandlers, type Visitor } from './entered-handlers.ts';
import { InlinePort } from './inline-port.ts';
import { setImmediate, setTimeout } from './real-timers.ts';

/** A worker of a test, and what can be done to it. */
export interface InlineWorker {
  readonly id: WorkerId;
  /**
   * Stops it as a busy loop would: it answers nothing and sends no heartbeat, until it is killed or the returned
   * function is called. With `killable: false` it cannot even be killed, as in a native call. Its own timers and
   * promises go on.
   */
  hang(options?: { readonly killable?: boolean | undefined }): () => void;
  /** Ends it as an uncaught exception would. Default: an error that says so. */
  crash(error?: unknown): void;
  /** Ends it as `process.exit()` in it would. Default code 0. */
  exit(code?: number): void;
}

export interface InlineThreadOptions {
  readonly id: WorkerId;
  readonly spec: ThreadSpec;
  /** The URL of its module, which no other worker has. */
  readonly loadedAs: string;
  readonly clock: Clock;
  /** Something moves: a message, a call, a turn that is asked for. */
  readonly stir: () => void;
  /** It has begun to serve, or it never will. */
  readonly booted: () => void;
  readonly exited: (exit: ThreadExit) => void;
}

interface Hang {
  readonly killable: boolean;
}

/** A worker without a thread: its code runs in this one, and what a thread would do for it is done by hand. */
export class InlineThread implements Thread, InlineWorker, Inhabitant, Visitor {
  readonly id: WorkerId;
  readonly threadId: number = threadId;
  readonly slot: BootSlot;
  readonly #options: InlineThreadOptions;
  readonly #port: InlinePort;
  readonly #calls = new Map<symbol, string>();
  // The turns and messages that a blocked event loop would still have to deal with.
  readonly #delayed = new Set<() => void>();
  #hang: Hang | undefined;
  #killed = false;
  #ended = false;
  #depth = 0;
  #last = (): void => undefined;
  #cut = (): void => undefined;

  constructor(options: InlineThreadOptions) {
    this.id = options.id;
    this.#options = options;
    const { spec, loadedAs, stir, booted } = options;
    const receive = (run: () => void): void => {
      this.#do(run);
    };
    this.#port = new InlinePort({ port: spec.boot.port, receive, sent: stir }, booted);
    const { url, settings, quota } = spec.boot;
    const own = { url, loadedAs, port: this.#port, settings, thread: this.#inside() };
    this.slot = quota ? { ...own, quota } : own;
    moveIn(this);
  }

  get ended(): boolean {
    return this.#ended;
  }

  get inHandler(): boolean {
    return this.#depth > 0;
  }

  /** Handlers whose promise is pending. */
  get pending(): readonly string[] {
    return [...this.#calls.values()].map((name) => `${name} of worker ${this.id} has not ended`);
  }

  /** Whether `takeLeft` may have something to tell. */
  get mayHaveLeft(): boolean {
    return mayHaveLeft(this);
  }

  /** Things that it has opened hold the process no longer. */
  letGo(): void {
    letGoOf(this);
  }

  /** The things with which it still holds the process after its end, in words; told once. */
  takeLeft(): readonly string[] {
    return leftBy(this).map((what) => `worker ${this.id} has a ${what}`);
  }

  /** Loads its module. The thread ends if that fails, or if the module does not serve within `limit` of real time. */
  async load(load: (url: string) => unknown, limit: Millis): Promise<void> {
    try {
      await runInside(this, () => load(this.#options.loadedAs));
    } catch (error) {
      this.#end({ code: 1, reason: 'crashed', error });
    }
    // A thread without anything to wait for ends by itself; here nobody knows what it waits for.
    if (this.#port.listening || this.#ended) return;
    setTimeout(() => {
      if (!this.#port.listening) this.#end({ code: 0, reason: 'exited' });
    }, limit);
  }

  hang({ killable = true }: { readonly killable?: boolean | undefined } = {}): () => void {
    const hang: Hang = { killable };
    this.#hang = hang;
    return () => {
      if (this.#hang === hang) this.#wake();
    };
  }

  crash(error: unknown = new Error('made to crash by the test')): void {
    this.#end({ code: 1, reason: 'crashed', error });
  }

  exit(code: number = 0): void {
    if (this.#ended) return;
    tellExit(this, code);
    this.#last();
    this.#end({ code, reason: 'exited' });
  }

  terminate(): void {
    this.#killed = true;
    if (this.#hang?.killable !== false) this.#end({ code: 1, reason: 'terminated' });
  }

  sample(): ThreadSample {
    return { utilization: this.#hang && !this.#ended ? 1 : 0 };
  }

  examine(found: (findings: ThreadFindings) => void): () => void {
    found({ cpuTime: undefined, stack: [] });
    return () => undefined;
  }

  lookForDebugger(found: (debugged: boolean) => void): () => void {
    found(false);
    return () => undefined;
  }

  ref(): void {
    this.#port.hold(true);
  }

  unref(): void {
    this.#port.hold(false);
  }

  visit<T>(run: () => T): T {
    this.#options.stir();
    this.#depth += 1;
    try {
      return runInside(this, run);
    } finally {
      this.#depth -= 1;
    }
  }

  began(name: string): () => void {
    const call = Symbol(name);
    this.#calls.set(call, name);
    return () => {
      this.#calls.delete(call);
      this.#options.stir();
    };
  }

  #inside(): OwnThread {
    return {
      atTurnEnd: (run) => {
        this.#options.stir();
        setImmediate(() => {
          this.#do(run);
        });
      },
      now: () => this.#options.clock.now(),
      after: (delay, run) => this.#after(delay, run),
      // Not the utilisation of the thread, which is the test's: when a worker beats would depend on it.
      vitals: () => ({ utilization: 0, ...ownMemory() }),
      atEnd: (last, cut) => {
        this.#last = last;
        this.#cut = cut;
      },
      enter: (handlers) => enterHandlers(handlers, this),
      leave: () => {
        this.exit(0);
      },
    };
  }

  #after(delay: Millis, run: () => void): Cancel {
    const { clock } = this.#options;
    return clock.callAt(clock.now() + delay, () => {
      this.#do(run);
    });
  }

  #do(run: () => void): void {
    if (this.#ended) return;
    this.#options.stir();
    if (this.#hang) this.#delayed.add(run);
    else runInside(this, run);
  }

  #wake(): void {
    this.#hang = undefined;
    if (this.#killed) this.terminate();
    const delayed = [...this.#delayed];
    this.#delayed.clear();
    for (const run of delayed) this.#do(run);
  }

  #end(exit: ThreadExit): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#calls.clear();
    this.#delayed.clear();
    this.#cut();
    moveOut(this);
    this.#options.booted();
    runOutside(() => {
      afterLastMessage(() => {
        this.#port.close();
        this.#options.exited(exit);
      });
    });
  }
}
