/** The waiting room of accepted connections. */
import { Registry } from '../../common/core/registry.ts';
import { type Millis } from '../../common/core/types.ts';
import { type Connection } from '../relay/connection.ts';

/** Accepted connections that no worker can take yet, in order of arrival. Its owner bounds their number. */
export class WaitingRoom {
  readonly #waiting = new Registry<number, Connection>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Enters a connection behind all others. */
  enter(connection: Connection): void {
    this.#waiting.set(connection.id, connection);
  }

  /** Puts connections at their old place. They were offered already and taken back, perhaps one by one. */
  putBack(connections: readonly Connection[]): void {
    const all = [...connections, ...this.#waiting.values()];
    this.#waiting.clear();
    all.sort((a, b) => a.acceptedAt - b.acceptedAt || a.id - b.id);
    for (const connection of all) this.#waiting.set(connection.id, connection);
  }

  leave(connection: Connection): boolean {
    return this.#waiting.delete(connection.id);
  }

  /** Walks them in order. Connections may leave during the walk. */
  [Symbol.iterator](): Generator<Connection, undefined> {
    return this.#waiting.values();
  }

  /** When the first of them arrived; `undefined` when none waits. */
  get oldest(): Millis | undefined {
    return this.#waiting.first?.acceptedAt;
  }
}
