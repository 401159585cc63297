// How many threads may boot at a time.
import { availableParallelism } from 'node:os';
import pLimit, { type LimitFunction } from 'p-limit';

/** One birth on its way through the gate. Both methods are idempotent, and may be called in any order. */
export interface Passage {
  /** Lets the next birth in: the thread is ready, or gone, or not waited for any longer. */
  done(): void;
  /** Cancels a birth that was not launched yet: `launch` is never called. */
  cancel(): void;
}

/**
 * Lets as many births boot at a time as there are cores. A burst of births would starve the event loop, and all threads
 * would be ready late instead of the first ones soon. Kills do not pass the gate: they must not wait behind a stuck
 * birth.
 */
export class BootGate {
  readonly #limit: LimitFunction;

  constructor(concurrency: number = availableParallelism()) {
    this.#limit = pLimit(concurrency);
  }

  /** How many births are booting. */
  get inside(): number {
    return this.#limit.activeCount;
  }

  /** Calls `launch` when there is room, never synchronously. Its room is taken until `done()`. */
  enter(launch: () => void): Passage {
    let step: 'waiting' | 'inside' | 'done' = 'waiting';
    let leave = (): void => undefined;
    const passed = new Promise<void>((resolve) => {
      leave = resolve;
    });
    void this.#limit(() => {
      if (step === 'done') return undefined;
      step = 'inside';
      launch();
      return passed;
    });
    const done = (): void => {
      step = 'done';
      leave();
    };
    const cancel = (): void => {
      if (step === 'waiting') step = 'done';
    };
    return { done, cancel };
  }
}
