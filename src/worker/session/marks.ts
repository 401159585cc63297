/** The high and the low mark of a connection's output, and the watch that notices when it crosses them. */
import { integer } from '../../common/core/check.ts';
import { type ServedSocket } from './served-socket.ts';

/** Bytes of waiting output between which a client swings: `high > low > 0`. */
export interface Marks {
  readonly high: number;
  readonly low: number;
}

/** Throws `FORKLESS_BAD_OPTION`. */
export function checkMarks({ high, low }: Marks): Marks {
  integer('highMark', high, 2);
  return { high, low: integer('lowMark', low, 1, high - 1) };
}

export interface MarkWatchOptions {
  readonly socket: ServedSocket;
  readonly marks: Marks;
  /** Tells of a crossing. `true`: its promise is pending, and `settled()` follows. */
  readonly crossed: (mark: 'high' | 'low') => boolean;
}

/**
 * Notices that waiting output has reached the high mark, and has fallen to the low one: always in turns, high first,
 * and a low for each high while the client lives. It tells in a tick of its own, never inside `put`; what swings to
 * and fro within one tick is told once.
 */
export class MarkWatch {
  readonly #options: MarkWatchOptions;
  marks: Marks;
  #isHigh = false;
  /** The high mark was reached since the last time either was told. */
  #rose = false;
  #told: 'high' | 'low' = 'low';
  #tickIsDue = false;
  #pending = false;

  constructor(options: MarkWatchOptions) {
    this.#options = options;
    this.marks = options.marks;
  }

  /** To be called whenever the amount that waits may have changed. */
  look(): void {
    const waiting = this.#options.socket.writableLength;
    if (this.#isHigh ? waiting > this.marks.low : waiting < this.marks.high) return;
    this.#isHigh = !this.#isHigh;
    if (this.#isHigh) this.#rose = true;
    this.#wake();
  }

  settled(): void {
    this.#pending = false;
    this.#wake();
  }

  #wake(): void {
    if (this.#tickIsDue) return;
    this.#tickIsDue = true;
    // Not a microtask, for the reason told in `FlushWatch`.
    process.nextTick(this.#tick);
  }

  readonly #tick = (): void => {
    this.#tickIsDue = false;
    while (!this.#pending) {
      const next = this.#next();
      if (next === undefined) return;
      this.#rose = false;
      this.#told = next;
      this.#pending = this.#options.crossed(next);
    }
  };

  #next(): 'high' | 'low' | undefined {
    if (this.#told === 'low') return this.#rose ? 'high' : undefined;
    return this.#isHigh ? undefined : 'low';
  }
}
