/** The timer that looks for input which a blocked worker does not take up. It runs in the main thread, one a prefork. */
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type Millis, type WorkerId } from '../../common/core/types.ts';

/** The connections of one worker, as far as this watch sees them. */
export interface WatchedHub {
  /** How many bytes the worker was sent in all, modulo 2^32. */
  readonly sent: number;
  /** Whether the worker has read so far. */
  hasRead(cursor: number): boolean;
  /** Takes back connections at rest that have input which the worker has not taken; returns how many. */
  takeWaiting(): number;
}

export interface TakeoverOptions {
  readonly clock: Clock;
  readonly hubs: () => Iterable<readonly [WorkerId, WatchedHub]>;
  /** Whether another worker rests and may have a connection of this one. */
  readonly hasFreeFor: (worker: WorkerId) => boolean;
  /** Connections are being taken from this worker. */
  readonly stalls: (worker: WorkerId) => void;
  /** `stealAfter`; `Infinity` for never. */
  readonly after: Millis;
}

/**
 * Looks every `stealAfter` while workers have something to read. What a worker has not read from one look to the next waits
 * behind a handler that blocks. Where that is input of a connection at rest, and another worker rests, the
 * connection goes there. How far a worker has read is only a hint: the word of the lease decides.
 */
export class Takeover {
  readonly #options: TakeoverOptions;
  #after: Millis;
  #cancel: Cancel | undefined;
  /** How far each worker had been sent frames at the last look, where it had not read all of them. */
  #noted: Map<WatchedHub, number> = new Map<WatchedHub, number>();
  /** How far each had been sent frames when nothing could be taken. Nothing can be until it is sent more. */
  #fruitless: WeakMap<WatchedHub, number> = new WeakMap<WatchedHub, number>();
  #wasLate = false;

  constructor(options: TakeoverOptions) {
    this.#options = options;
    this.#after = options.after;
  }

  configure(after: Millis): void {
    if (after === this.#after) return;
    this.#after = after;
    this.stop();
    this.wake();
  }

  /** A worker was sent something. */
  wake(): void {
    if (this.#cancel !== undefined || this.#after === Infinity) return;
    const { clock } = this.#options;
    const at = clock.now() + this.#after;
    this.#cancel = clock.callAt(at, () => {
      this.#cancel = undefined;
      this.#look(clock.now() - at);
      if (this.#noted.size > 0) this.wake();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#noted.clear();
  }

  // A host that was suspended has perhaps suspended its workers too: such a look only notes. It does so once, since in a host
  // that always blocks nothing would ever be taken otherwise.
  #look(late: Millis): void {
    const notesOnly = late > this.#after && !this.#wasLate;
    this.#wasLate = notesOnly;
    const before = this.#noted;
    this.#noted = new Map();
    for (const [worker, hub] of this.#options.hubs()) {
      const noted = before.get(hub);
      if (!hub.hasRead(hub.sent)) this.#noted.set(hub, hub.sent);
      if (noted !== undefined && !notesOnly && !hub.hasRead(noted)) this.#take(worker, hub);
    }
  }

  #take(worker: WorkerId, hub: WatchedHub): void {
    if (this.#fruitless.get(hub) === hub.sent || !this.#options.hasFreeFor(worker)) return;
    if (hub.takeWaiting() > 0) this.#options.stalls(worker);
    else this.#fruitless.set(hub, hub.sent);
  }
}
