/** The events that wait for one POE session. Used in both threads. */
import { type Millis } from '../common/core/types.ts';
import { errors } from '../common/core/errors.ts';

/**
 * The posted and delayed events of one session. Each runs in a turn of the event loop of its own, in order, so that a
 * session which posts to itself for ever does not keep input and heartbeats out.
 */
export class EventQueue {
  readonly #limit: number;
  readonly #posted = new Set<NodeJS.Immediate>();
  readonly #delayed = new Map<string, NodeJS.Timeout>();
  #closed = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False when the session has ended. Throws `FORKLESS_EVENTS_OVERFLOW` when `limit` events wait. */
  post(run: () => void): boolean {
    if (this.#closed) return false;
    this.#admit();
    const posted = setImmediate(() => {
      this.#posted.delete(posted);
      run();
    });
    this.#posted.add(posted);
    return true;
  }

  /** Replaces a delay of the same name. As `post` otherwise. */
  delay(name: string, wait: Millis, run: () => void): boolean {
    this.cancel(name);
    if (this.#closed) return false;
    this.#admit();
    const due = (): void => {
      this.#delayed.delete(name);
      run();
    };
    this.#delayed.set(name, setTimeout(due, wait));
    return true;
  }

  cancel(name: string): void {
    clearTimeout(this.#delayed.get(name));
    this.#delayed.delete(name);
  }

  /** Drops what waits, and takes nothing more. */
  close(): void {
    this.#closed = true;
    for (const posted of this.#posted) clearImmediate(posted);
    for (const delayed of this.#delayed.values()) clearTimeout(delayed);
    this.#posted.clear();
    this.#delayed.clear();
  }

  #admit(): void {
    const waiting = this.#posted.size + this.#delayed.size;
    if (waiting >= this.#limit) throw errors.eventsOverflow(this.#limit);
  }
}
