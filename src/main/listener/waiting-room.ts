import { Registry } from '../../common/core/registry.ts';
import { type Millis } from '../../common/core/types.ts';
import { type Connection } from '../relay/connection.ts';

/** Accepted connections that no worker can take yet, in order of arrival. Bounded by its owner. */
export class WaitingRoom {
  readonly #waiting = new Registry<number, Connection>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Behind all others. */
  enter(connection: Connection): void {
    this.#waiting.set(connection.id, connection);
  }

  /** At their old place: these were handed over already and came back, perhaps one by one. */
  reenter(connections: readonly Connection[]): void {
    const all = [...connections, ...this.#waiting.values()];
    this.#waiting.clear();
    all.sort((a, b) => a.acceptedAt - b.acceptedAt || a.id - b.id);
    for (const connection of all) this.#waiting.set(connection.id, connection);
  }

  leave(connection: Connection): boolean {
    return this.#waiting.delete(connection.id);
  }

  /** In order; leaving while walking is fine. */
  [Symbol.iterator](): Generator<Connection, undefined> {
    return this.#waiting.values();
  }

  /** Arrival of the one that came first, `undefined` when nobody waits. */
  get oldest(): Millis | undefined {
    return this.#waiting.first?.acceptedAt;
  }
}
