import { performance } from 'node:perf_hooks';
import { type Clock } from '../core/clock.ts';
import { MAX_WAIT } from '../core/check.ts';

/** The monotonic clock and timers of this process. `held` says whether its timers keep the process alive. */
export class SystemClock implements Clock {
  readonly #timers = new Set<NodeJS.Timeout>();
  #held = true;

  now(): number {
    return performance.now();
  }

  callAt(at: number, due: () => void): () => void {
    // Node rounds waits down to whole milliseconds: a timer that fires early would find nothing due.
    const wait = Math.min(Math.max(Math.ceil(at - this.now()), 0), MAX_WAIT);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      due();
    }, wait);
    this.#timers.add(timer);
    if (!this.#held) timer.unref();
    return () => {
      this.#timers.delete(timer);
      clearTimeout(timer);
    };
  }

  hold(held: boolean): void {
    this.#held = held;
    for (const timer of this.#timers) {
      if (held) timer.ref();
      else timer.unref();
    }
  }
}
