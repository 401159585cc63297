import { type Millis } from '../../../src/common/core/types.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

const MAX_FIRINGS = 100_000;

/** A virtual clock for tests without an event loop: each timer that fires is followed by what the loop would do next. */
export class FakeClock extends VirtualClock {
  /** Called after each timer that fired. */
  afterFiring: () => void = () => undefined;

  /** Lets time pass, timer by timer; throws if they never come to an end. */
  advance(ms: Millis): void {
    const end = this.now() + ms;
    for (let firings = 0; this.next <= end; firings++) {
      if (firings === MAX_FIRINGS) throw new Error(`${MAX_FIRINGS} timers fired by ${this.now()}`);
      this.fireNext();
      this.afterFiring();
    }
    this.sleep(Math.max(0, end - this.now()));
  }
}
