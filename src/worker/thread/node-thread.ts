import { type EventLoopUtilization } from 'node:perf_hooks';
import { type Cancel } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';
import { guardParentPort, type BootSlot } from '../../common/boot/boot-data.ts';
import { leaveWhenDone } from './leave.ts';
import { tameCrashes } from './tame-crash.ts';

/** How a thread is, as its heartbeats tell. */
export interface Vitals {
  /** Event-loop utilisation since the last time it was asked for, 0 to 1. */
  readonly utilization: number;
  /** Used JS heap, bytes. */
  readonly heap: number;
  /** Memory outside the JS heap, bytes. */
  readonly external: number;
}

/** The thread that a worker runs in, seen from inside. In tests it may be no thread of its own. */
export interface OwnThread {
  /** Runs its argument at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void;
  /** The time that `after` counts in. */
  now(): Millis;
  /** Calls `run` once, unless that is taken back before. */
  after(delay: Millis, run: () => void): Cancel;
  vitals(): Vitals;
  /** `last` is for what is still to be said when the thread exits, `cut` for when it has ended, in whatever way. */
  atEnd(last: () => void, cut: () => void): void;
  /** The handlers as they are to be called here. */
  enter<H extends object>(handlers: H): H;
  /** Ends the thread in order, once what the user's code has under way is done; `limit` later in spite of that. */
  leave(limit: Millis): void;
}

/** Used heap and memory outside it, bytes. */
export function ownMemory(): Pick<Vitals, 'heap' | 'external'> {
  // Not imported: a worker's birth would wait for it. Not process.memoryUsage(): it opens a file, and throws when the
  // process has no descriptor left.
  const { used_heap_size: heap, external_memory: external } = process
    .getBuiltinModule('node:v8')
    .getHeapStatistics();
  return { heap, external };
}

/** A thread that is really one. */
export function nodeThread(boot: BootSlot): OwnThread {
  guardParentPort(boot);
  tameCrashes();
  let last: EventLoopUtilization | undefined;
  return {
    atTurnEnd: (run) => {
      setImmediate(run);
    },
    now: () => performance.now(),
    after: (delay, run) => {
      const timer = setTimeout(run, delay);
      return () => {
        clearTimeout(timer);
      };
    },
    vitals: () => {
      // The global, which Node loads at its first use: a worker's birth would wait for an import.
      const now = performance.eventLoopUtilization();
      const { utilization } = last ? performance.eventLoopUtilization(now, last) : now;
      last = now;
      return { utilization, ...ownMemory() };
    },
    // Nothing of it is left to be cut off.
    atEnd: (last) => {
      process.on('exit', last);
    },
    enter: (handlers) => handlers,
    leave: leaveWhenDone,
  };
}
