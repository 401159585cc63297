import { type SessionInfo } from './call.ts';
import { type EventQueue } from './event-queue.ts';

/** Whoever events can be posted to. */
export interface Target extends SessionInfo {
  readonly queue: EventQueue;
  /** Throws `FORKLESS_BAD_PARAMETER` for an event that it does not know. */
  check(event: string): void;
  /** Handles the event at once and returns what its handler returns. */
  dispatch(event: string, args: readonly unknown[], sender: SessionInfo): unknown;
  /** Handles a posted event; must not throw. */
  deliver(event: string, args: readonly unknown[], sender: SessionInfo): void;
}

/** The sessions of one thread, by number or alias. */
export class Directory {
  readonly #targets = new Map<number | string, Target>();

  add(name: number | string, target: Target): void {
    this.#targets.set(name, target);
  }

  remove(name: number | string): void {
    this.#targets.delete(name);
  }

  find(target: number | string | SessionInfo): Target | undefined {
    return this.#targets.get(typeof target === 'object' ? target.ID : target);
  }
}
