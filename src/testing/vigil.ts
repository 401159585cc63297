import { type Millis } from '../core/types.ts';
import { clearInterval, setInterval } from './real-timers.ts';

export interface VigilOptions {
  readonly limit: Millis;
  /** Changes with whatever moves. */
  readonly moved: () => number;
  /** Nothing has moved for `limit`: lets the process end. */
  readonly rest: () => void;
  /** The inverse. */
  readonly wake: () => void;
}

/** Holds the process while a test goes on. A test that has failed before it came to `end()` is not waited for. */
export class Vigil {
  readonly #options: VigilOptions;
  #timer: NodeJS.Timeout | undefined;
  #seen = 0;
  #resting = false;

  constructor(options: VigilOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#timer ??= setInterval(() => {
      this.#look();
    }, this.#options.limit);
  }

  /** Something is about to move. */
  wake(): void {
    if (!this.#resting) return;
    this.#resting = false;
    this.#timer?.ref();
    this.#options.wake();
  }

  end(): void {
    this.wake();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const { moved, rest } = this.#options;
    const before = this.#seen;
    this.#seen = moved();
    if (this.#seen !== before) {
      this.wake();
      return;
    }
    if (this.#resting) return;
    this.#resting = true;
    this.#timer?.unref();
    rest();
  }
}
