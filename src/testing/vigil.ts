/** Keeps the process alive while a test goes on. Runs in the thread of the test. */
import { type Millis } from '../common/core/types.ts';
import { clearInterval, setInterval } from './real-timers.ts';

// Work that workers do by themselves, a timer that posts, say, may go on for ever.
const MOST_LOOKS = 10;

export interface VigilOptions {
  readonly limit: Millis;
  /** Changes with whatever moves. */
  readonly moved: () => number;
  /** Lets the process end; called again while that goes on, since more may have been opened. */
  readonly rest: () => void;
  /** The inverse. */
  readonly wake: () => void;
}

/**
 * Holds the process while a test goes on: until nothing has moved for `limit`, and for ten times that after the test's
 * last call at most. A test that has failed before it came to `end()` is not waited for.
 */
export class Vigil {
  readonly #options: VigilOptions;
  #timer: NodeJS.Timeout | undefined;
  #seen = 0;
  #looks = 0;
  #resting = false;

  constructor(options: VigilOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#timer ??= setInterval(() => {
      this.#look();
    }, this.#options.limit);
  }

  /** The test goes on. */
  wake(): void {
    this.#looks = 0;
    this.#hold();
  }

  end(): void {
    this.wake();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #hold(): void {
    if (!this.#resting) return;
    this.#resting = false;
    this.#timer?.ref();
    this.#options.wake();
  }

  #look(): void {
    const { moved, rest } = this.#options;
    const before = this.#seen;
    this.#seen = moved();
    this.#looks += 1;
    if (this.#seen !== before && this.#looks < MOST_LOOKS) {
      this.#hold();
      return;
    }
    this.#resting = true;
    this.#timer?.unref();
    rest();
  }
}
