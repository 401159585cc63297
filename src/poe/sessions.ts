/** The list of the POE sessions of one thread by their names, and the interface that each of them has. Used in both threads. */
import { type EventQueue } from './event-queue.ts';

/** Whose heap a callback runs with, and to whom events can be posted. */
export interface SessionInfo {
  /** The number of a connection, unique within one prefork; the alias of another session. */
  readonly ID: number | string;
}

/** A session that events can be posted to. */
export interface Target extends SessionInfo {
  readonly queue: EventQueue;
  /** Throws `FORKLESS_BAD_PARAMETER` for an event that it does not know. */
  check(event: string): void;
  /** Handles the event at once and returns what its handler returns. */
  dispatch(event: string, args: readonly unknown[], sender: SessionInfo): unknown;
  /** Handles a posted event; must not throw. */
  deliver(event: string, args: readonly unknown[], sender: SessionInfo): void;
}

type Name = number | string;

/** The sessions of one thread, by number or alias. */
export class Sessions {
  readonly #targets = new Map<Name, Target>();
  readonly #names = new Map<Target, Set<Name>>();

  /** False when another session has that name. */
  add(name: Name, target: Target): boolean {
    const known = this.#targets.get(name);
    if (known !== undefined) return known === target;
    this.#targets.set(name, target);
    this.#namesOf(target).add(name);
    return true;
  }

  /** False when it is not a name of that session. */
  remove(name: Name, target: Target): boolean {
    if (this.#targets.get(name) !== target) return false;
    this.#targets.delete(name);
    return this.#namesOf(target).delete(name);
  }

  /** Forgets a session by all its names. */
  forget(target: Target): void {
    for (const name of this.#names.get(target) ?? []) this.#targets.delete(name);
    this.#names.delete(target);
  }

  find(target: Name | SessionInfo): Target | undefined {
    return this.#targets.get(typeof target === 'object' ? target.ID : target);
  }

  #namesOf(target: Target): Set<Name> {
    const known = this.#names.get(target);
    if (known !== undefined) return known;
    const names = new Set<Name>();
    this.#names.set(target, names);
    return names;
  }
}
