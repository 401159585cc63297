// How much time is left of the grace that `close()` gives.
import { type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';

/** The latest end of closing. A later call of `close()` can only bring it forward. */
export class ClosingTime {
  readonly #clock: Clock;
  #until: Millis = Infinity;
  #hurried = (): void => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that are left, at least 0. */
  get remaining(): Millis {
    return Math.max(0, this.#until - this.#clock.now());
  }

  /** Gives no more than `grace` from now on. */
  hurry(grace: Millis): void {
    this.#until = Math.min(this.#until, this.#clock.now() + grace);
    this.#hurried();
  }

  /** Calls `hurried` whenever the time may have become less; instead of what was given before. */
  onHurry(hurried: () => void): void {
    this.#hurried = hurried;
  }
}
