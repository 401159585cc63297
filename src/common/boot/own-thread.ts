/** The interface between a worker's runtime and the thread that it runs in. Runs in a worker. */
import { type Cancel } from '../core/clock.ts';
import { type Millis } from '../core/types.ts';

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
