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
  /** How to cancel each delay, by its name. */
  readonly #delayed = new Map<string, () => void>();
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
    const runNow = (): void => {
      this.#delayed.delete(name);
      run();
    };
    // In a thread that was late, a timer may come before events that were due before it. They go first, as in POE's queue.
    const due = (): void => {
      if (this.#posted.size === 0) {
        runNow();
        return;
      }
      const behind = setImmediate(runNow);
      this.#delayed.set(name, () => {
        clearImmediate(behind);
      });
    };
    const timer = setTimeout(due, wait);
    this.#delayed.set(name, () => {
      clearTimeout(timer);
    });
    return true;
  }

  cancel(name: string): void {
    this.#delayed.get(name)?.();
    this.#delayed.delete(name);
  }

  /** Drops what waits, and takes nothing more. */
  close(): void {
    this.#closed = true;
    for (const posted of this.#posted) clearImmediate(posted);
    for (const cancel of this.#delayed.values()) cancel();
    this.#posted.clear();
    this.#delayed.clear();
  }

  #admit(): void {
    const waiting = this.#posted.size + this.#delayed.size;
    if (waiting >= this.#limit) throw errors.eventsOverflow(this.#limit);
  }
}
