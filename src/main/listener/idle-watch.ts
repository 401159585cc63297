/** The watch of the main thread over connections on which nothing moves. */
import { MAX_WAIT } from '../../common/core/check.ts';
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type CloseReason, type Millis } from '../../common/core/types.ts';
import { type ConnectionSide } from '../relay/connection-side.ts';

export interface IdleLimits {
  readonly idleTimeout: Millis;
  readonly firstByteTimeout: Millis;
}

/** The last look at a connection. */
interface Seen {
  readonly moved: number;
  readonly stillFor: Millis;
}

// With four looks per limit, a connection is closed at 1 to 1.25 times its limit after the last byte.
const LOOKS_PER_LIMIT = 4;

/**
 * Closes connections on which nothing moves. One timer looks at the byte counts of all connections now and then. A timer
 * for each connection would have to be set anew with each byte.
 */
export class IdleWatch {
  readonly #clock: Clock;
  readonly #sides: () => Iterable<ConnectionSide>;
  #limits: IdleLimits;
  #seen: Map<ConnectionSide, Seen> = new Map<ConnectionSide, Seen>();
  #cancel: Cancel | undefined;

  constructor(clock: Clock, sides: () => Iterable<ConnectionSide>, limits: IdleLimits) {
    this.#clock = clock;
    this.#sides = sides;
    this.#limits = limits;
  }

  configure(limits: IdleLimits): void {
    const { idleTimeout, firstByteTimeout } = this.#limits;
    this.#limits = limits;
    if (limits.idleTimeout === idleTimeout && limits.firstByteTimeout === firstByteTimeout) return;
    this.stop();
    this.wake();
  }

  /** There is a connection to look after. */
  wake(): void {
    if (this.#cancel !== undefined) return;
    const { idleTimeout, firstByteTimeout } = this.#limits;
    const shortest = Math.min(idleTimeout, firstByteTimeout);
    if (shortest === Infinity) return;
    const every = Math.min(Math.max(shortest / LOOKS_PER_LIMIT, 1), MAX_WAIT);
    const at = this.#clock.now() + every;
    this.#cancel = this.#clock.callAt(at, () => {
      this.#cancel = undefined;
      // A host that was late has not heard its peers meanwhile, so that time does not count.
      this.#look(this.#clock.now() - at > every ? 0 : every);
      if (this.#seen.size > 0) this.wake();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#seen.clear();
  }

  #look(elapsed: Millis): void {
    const before = this.#seen;
    this.#seen = new Map();
    for (const side of this.#sides()) {
      const { moved } = side;
      const last = before.get(side);
      const stillFor = last?.moved === moved ? last.stillFor + elapsed : 0;
      const reason = this.#exceeded(side, stillFor);
      // A connection that turns out to have moved after all gets its whole time again.
      this.#seen.set(side, { moved, stillFor: reason === undefined ? stillFor : 0 });
      if (reason !== undefined) side.timeOut(reason);
    }
  }

  #exceeded({ bytesRead }: ConnectionSide, stillFor: Millis): CloseReason | undefined {
    const { idleTimeout, firstByteTimeout } = this.#limits;
    if (bytesRead === 0 && stillFor >= firstByteTimeout) return 'first-byte-timeout';
    return stillFor >= idleTimeout ? 'idle-timeout' : undefined;
  }
}
