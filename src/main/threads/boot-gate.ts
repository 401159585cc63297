// How many threads may boot at a time.
import { availableParallelism } from 'node:os';
import pLimit, { type LimitFunction } from 'p-limit';

/** One birth on its way through the gate. Both ways out are idempotent and may come in any order. */
export interface Passage {
  /** The thread is ready, or gone, or no longer waited for: lets the next one in. */
  done(): void;
  /** Takes a birth back that was not launched yet; `launch` is then never called. */
  cancel(): void;
}

/**
 * Lets as many births boot at a time as there are cores. A burst would starve the event loop, and all its threads
 * would be ready late instead of the first ones soon. Kills never pass here: they must not wait behind a stuck birth.
 */
export class BootGate {
  readonly #limit: LimitFunction;

  constructor(concurrency: number = availableParallelism()) {
    this.#limit = pLimit(concurrency);
  }

  /** Births that are booting. */
  get inside(): number {
    return this.#limit.activeCount;
  }

  /** Calls `launch` when there is room, never synchronously. Its room is taken until `done()`. */
  enter(launch: () => void): Passage {
    let step: 'waiting' | 'inside' | 'over' = 'waiting';
    let leave = (): void => undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    void this.#limit(() => {
      if (step === 'over') return undefined;
      step = 'inside';
      launch();
      return left;
    });
    const done = (): void => {
      step = 'over';
      leave();
    };
    const cancel = (): void => {
      if (step === 'waiting') step = 'over';
    };
    return { done, cancel };
  }
}
