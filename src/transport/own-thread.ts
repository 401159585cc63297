import { type Cancel } from '../core/clock.ts';
import { type Millis } from '../core/types.ts';
import { guardParentPort, leaveThread, type BootSlot } from './boot.ts';

/** The thread that a worker runs in, seen from inside. In tests it may be no thread of its own. */
export interface OwnThread {
  /** Runs its argument at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void;
  /** Calls `run` again and again, until that is taken back. */
  every(interval: Millis, run: () => void): Cancel;
  /** `last` is for what is still to be said when the thread exits, `cut` for when it has ended, in whatever way. */
  atEnd(last: () => void, cut: () => void): void;
  /** The handlers as they are to be called here. */
  enter<H extends object>(handlers: H): H;
  /** Ends the thread in order. */
  leave(): void;
}

/** A thread that is really one. */
export function nodeThread(boot: BootSlot): OwnThread {
  guardParentPort(boot);
  return {
    atTurnEnd: (run) => {
      setImmediate(run);
    },
    every: (interval, run) => {
      const timer = setInterval(run, interval);
      return () => {
        clearInterval(timer);
      };
    },
    // Nothing of it is left to be cut off.
    atEnd: (last) => {
      process.on('exit', last);
    },
    enter: (handlers) => handlers,
    leave: leaveThread,
  };
}
