/** The thread of a worker as its runtime uses it, where it is a real one: timers, measurements and its end. */
import { type EventLoopUtilization } from 'node:perf_hooks';
import { type BootSlot } from '../../common/boot/boot-data.ts';
import { type OwnThread, type Vitals } from '../../common/boot/own-thread.ts';
import { leaveWhenDone } from './leave-thread.ts';
import { guardParentPort } from './parent-port.ts';
import { tameCrashes } from './tame-crash.ts';

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
