import { type Cancel, type Clock } from '../../src/core/clock.ts';
import { type Millis } from '../../src/core/types.ts';

interface Timer {
  readonly at: Millis;
  readonly sequence: number;
  readonly due: () => void;
}

const MAX_FIRINGS = 100_000;

/** Time that only passes when told to. Timers fire in order of (time, sequence). */
export class FakeClock implements Clock {
  /** Called after each timer that fired: what the event loop would do next. */
  afterFiring: () => void = () => undefined;
  readonly #timers = new Set<Timer>();
  #now: Millis;
  #sequence = 0;

  constructor(now: Millis = 0) {
    this.#now = now;
  }

  /** Timers that are waiting. */
  get armed(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, `Infinity` if there is none. */
  get next(): Millis {
    return this.#first()?.at ?? Infinity;
  }

  now(): Millis {
    return this.#now;
  }

  callAt(at: Millis, due: () => void): Cancel {
    const timer: Timer = { at, sequence: this.#sequence++, due };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Lets time pass, timer by timer; throws if they never come to an end. */
  advance(ms: Millis): void {
    const end = this.#now + ms;
    for (let firings = 0; ; firings++) {
      const timer = this.#first();
      if (timer === undefined || timer.at > end) break;
      if (firings === MAX_FIRINGS) throw new Error(`${MAX_FIRINGS} timers fired by ${this.#now}`);
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.due();
      this.afterFiring();
    }
    this.#now = end;
  }

  /** The process sleeps: time passes, and no timer fires before somebody advances it. */
  sleep(ms: Millis): void {
    this.#now += ms;
  }

  #first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && isBefore(timer, first)))
        first = timer;
    }
    return first;
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.sequence < b.sequence;
