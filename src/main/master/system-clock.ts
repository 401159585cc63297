// The clock of a real process; tests put a virtual one in its place.
import { performance } from 'node:perf_hooks';
import { type HeldClock } from '../../common/core/clock.ts';
import { MAX_WAIT } from '../../common/core/check.ts';
import { Scopes } from '../../common/user-code/scope.ts';

/** The monotonic clock and timers of this process. `held` says whether its timers keep the process alive. */
export class SystemClock implements HeldClock {
  readonly #timers = new Set<NodeJS.Timeout>();
  // A timer that is set while user code runs must not keep that code's async context, nor call back in it.
  readonly #scopes = new Scopes();
  #held = true;

  now(): number {
    return performance.now();
  }

  callAt(at: number, due: () => void): () => void {
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const wait = Math.min(Math.max(Math.ceil(at - this.now()), 0), MAX_WAIT);
      timer = setTimeout(() => {
        this.#timers.delete(timer);
        // Node counts in whole milliseconds: one timer in ten fires up to 1 ms early, when nothing is due yet.
        if (this.now() < at) arm();
        else due();
      }, wait);
      this.#timers.add(timer);
      if (!this.#held) timer.unref();
    };
    this.#scopes.register(arm);
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
