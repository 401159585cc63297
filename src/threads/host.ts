import { type ResourceLimits } from 'node:worker_threads';
import { type ExitReason } from '../core/types.ts';
import { type BootData } from '../transport/boot.ts';

export interface ThreadSpec {
  /** Shown by debuggers where the host can (Node's own Worker). */
  readonly name: string;
  readonly boot: BootData;
  readonly resourceLimits?: ResourceLimits | undefined;
  /** Variables that are `undefined` are left out; without `env` the thread gets a copy of `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly argv?: readonly string[] | undefined;
  readonly execArgv?: readonly string[] | undefined;
}

/** How a thread ended, told once, after its last message was delivered and its OS thread is gone. */
export interface ThreadExit {
  readonly code: number;
  readonly reason: Exclude<ExitReason, 'left' | 'boot-failed'>;
  /** What was thrown, for `crashed` and `out-of-memory`; may be any value. */
  readonly error?: unknown;
}

/** What can be seen of a thread from outside, without its help. */
export interface ThreadSample {
  /** Event-loop utilisation since the previous sample, 0 to 1; stuck is 1, once its event loop has begun. */
  readonly utilization: number;
}

export interface Thread {
  /** Node's id of the thread, as in `worker_threads.threadId`; -1 if it could not be started. */
  readonly threadId: number;
  /** Ends it at once. Returns at once; `exited` says when it is over, which may be never (native calls). */
  terminate(): void;
  sample(): ThreadSample;
  ref(): void;
  /** Lets the process end although the thread runs; on pools, from when the thread has booted. */
  unref(): void;
}

/** Something that can run a worker in a thread. */
export interface ThreadHost {
  readonly name: HostName;
  /**
   * Starts a thread. Never throws, neither for what goes wrong in the thread nor for what keeps it from starting:
   * that comes through `exited`, exactly once, never synchronously.
   */
  start(spec: ThreadSpec, exited: (exit: ThreadExit) => void): Thread;
}

export type HostName = 'piscina' | 'tinypool' | 'worker';
