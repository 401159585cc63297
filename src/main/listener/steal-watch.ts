/** The timer that looks for connections that their worker does not take up. It runs in the main thread, one a prefork. */
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';

/** The owner of the offers. */
export interface OpenOffers {
  /** Gives offers of `until` and before to free workers, where there are some. Returns whether offers are left. */
  steal(until: Millis): boolean;
}

/**
 * Looks at the open offers every `stealAfter` while there are any, so an offer is seen between once and twice that time
 * after it was made. A timer for each offer would cost as much as the offer.
 */
export class StealWatch {
  readonly #clock: Clock;
  readonly #offers: OpenOffers;
  #after: Millis;
  #cancel: Cancel | undefined;
  /** Nothing that was offered before counts from an earlier time than this: the host was late. */
  #from: Millis = -Infinity;

  constructor(clock: Clock, offers: OpenOffers, after: Millis) {
    this.#clock = clock;
    this.#offers = offers;
    this.#after = after;
  }

  /** `Infinity`: nothing is stolen. Another time than before begins with the next `wake()`. */
  configure(after: Millis): void {
    if (after === this.#after) return;
    this.#after = after;
    this.stop();
  }

  /** There is an open offer. */
  wake(): void {
    if (this.#cancel !== undefined || this.#after === Infinity) return;
    const at = this.#clock.now() + this.#after;
    this.#cancel = this.#clock.callAt(at, () => {
      this.#cancel = undefined;
      if (this.#look(at)) this.wake();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  // A host that was suspended or blocked has heard no claim meanwhile, so all offers count anew from now. It is granted
  // that once: in a host that always blocks, nothing would ever be stolen otherwise.
  #look(due: Millis): boolean {
    const now = this.#clock.now();
    const late = now - due > this.#after && this.#from < due - this.#after;
    if (late) this.#from = now;
    const until = this.#from > now - this.#after ? -Infinity : now - this.#after;
    return this.#offers.steal(until);
  }
}
