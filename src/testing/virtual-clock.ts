/** The clock of a test, whose time passes only by calls. Runs in the thread of the test. */
import { type Cancel, type HeldClock } from '../common/core/clock.ts';
import { type Millis } from '../common/core/types.ts';

interface Timer {
  readonly at: Millis;
  readonly due: () => void;
}

/** Time that only passes when told to. */
export class VirtualClock implements HeldClock {
  // In the order in which they were set, which decides between those of one instant.
  readonly #timers = new Set<Timer>();
  #now: Millis;
  #firings = 0;

  constructor(now: Millis = 0) {
    this.#now = now;
  }

  now(): Millis {
    return this.#now;
  }

  callAt(at: Millis, due: () => void): Cancel {
    const timer: Timer = { at, due };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Its timers are none of the process, and hold nothing. */
  hold(): void {
    return undefined;
  }

  /** Timers that are waiting. */
  get armed(): number {
    return this.#timers.size;
  }

  /** Timers that ever fired. */
  get firings(): number {
    return this.#firings;
  }

  /** When the next timer is due, `Infinity` if there is none. */
  get next(): Millis {
    return this.#first()?.at ?? Infinity;
  }

  /** Lets time pass up to the next timer, and fires it; false if there is none. */
  fireNext(): boolean {
    const timer = this.#first();
    if (timer === undefined) return false;
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    this.#firings += 1;
    timer.due();
    return true;
  }

  /** The process sleeps: time passes, and what is due meanwhile fires only when somebody fires it. */
  sleep(time: Millis): void {
    this.#now += time;
  }

  #first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (first === undefined || timer.at < first.at) first = timer;
    return first;
  }
}
