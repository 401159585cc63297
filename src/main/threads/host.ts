// The interface of thread hosts, and of a thread as the rest of the main thread knows it.
import { type ResourceLimits } from 'node:worker_threads';
import { type ExitReason, type Millis } from '../../common/core/types.ts';
import { type BootData } from '../../common/boot/boot-data.ts';

export interface ThreadSpec {
  /** Debuggers show this name, where the host can pass it on (Node's own Worker). */
  readonly name: string;
  readonly boot: BootData;
  readonly resourceLimits?: ResourceLimits | undefined;
  /** Variables that are `undefined` are left out; without `env` the thread gets a copy of `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly argv?: readonly string[] | undefined;
  readonly execArgv?: readonly string[] | undefined;
}

/** How a thread ended. Told once, when its last message was delivered and its OS thread is gone. */
export interface ThreadExit {
  readonly code: number;
  readonly reason: Exclude<ExitReason, 'left' | 'boot-failed'>;
  /** The value that was thrown, for `crashed` and `out-of-memory`; it may be any value. */
  readonly error?: unknown;
}

/** The figures of a thread that can be seen from outside, without its help. */
export interface ThreadSample {
  /** Event-loop utilisation since the previous sample, 0 to 1. A stuck thread has 1, once its event loop has begun. */
  readonly utilization: number;
}

/** The findings of a look into a running thread. */
export interface ThreadFindings {
  /** CPU time of its whole life; `undefined` on Node 20, and where it did not answer. */
  readonly cpuTime: Millis | undefined;
  /** Where its JavaScript is, innermost first. Empty where it did not answer, in a native call or idle. */
  readonly stack: readonly string[];
}

export interface Thread {
  /** Node's id of the thread, as in `worker_threads.threadId`; -1 if it could not be started. */
  readonly threadId: number;
  /**
   * Ends the thread, also if a debugger has stopped it. Does not wait: `exited` tells the end, which may never come
   * (native calls).
   */
  terminate(): void;
  sample(): ThreadSample;
  /**
   * Looks into the thread, which takes some 10 ms and may take for ever. `found` is called once, at the latest by the
   * returned function or by `terminate()`, with what is known by then.
   */
  examine(found: (findings: ThreadFindings) => void): () => void;
  /**
   * Finds out whether a debugger has stopped the thread, and leaves it so. `found` is called once, at the latest by the
   * returned function or by `terminate()`, with `false` where it cannot be known.
   */
  lookForDebugger(found: (debugged: boolean) => void): () => void;
  ref(): void;
  /** Lets the process end although the thread runs; on pools, from when the thread has booted. */
  unref(): void;
}

/** Something that can run a worker in a thread. */
export interface ThreadHost {
  readonly name: HostName | 'inline';
  /**
   * Starts a thread. Never throws: whatever goes wrong in the thread, or keeps it from starting, is told by `exited`,
   * exactly once and never synchronously.
   */
  start(spec: ThreadSpec, exited: (exit: ThreadExit) => void): Thread;
}

/** The hosts that a prefork can choose. (`'inline'` is for tests.) */
export type HostName = 'piscina' | 'tinypool' | 'worker';
