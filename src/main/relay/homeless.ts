/** The connections that no worker has after one had: they were taken back at rest. Runs in the main thread. */
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { Registry } from '../../common/core/registry.ts';
import {
  type CloseReason,
  type ConnectionId,
  type Millis,
  type MoveReason,
  type WorkerId,
} from '../../common/core/types.ts';
import { type Connection } from './connection.ts';
import { type RelaySide, type SideOwner } from './relay-side.ts';

export interface HomelessOptions {
  readonly clock: Clock;
  /** Gives the connection's next lease a number that no lease has had. */
  readonly renewLease: (connection: Connection) => void;
  /** The connection is to have a worker again. */
  readonly wake: (connection: Connection) => void;
}

/** What is known of a connection that was taken back. */
export interface HomelessTerms {
  /** After so many milliseconds without a word of its peer it is closed, unless this is 0. */
  readonly limit: Millis;
  /** The worker that had it, and why it has it no more. */
  readonly from: WorkerId;
  readonly why: MoveReason;
  /** Both of its sides are closed. */
  readonly closed: (side: RelaySide) => void;
}

interface Entry extends HomelessTerms {
  readonly side: RelaySide;
  /** When it is closed unless its peer says something. */
  readonly until: Millis;
  /** It waits for a worker, or is on offer to one. */
  woken: boolean;
}

// Limits are a protocol's, some seconds; this is how late one may be noticed.
const LOOK_EVERY: Millis = 250;

/**
 * Holds the connections that have no worker. One whose peer sends something is woken: it goes to a worker as a new one does.
 * One that stays silent is closed after the time that its last worker gave it.
 */
export class Homeless implements SideOwner {
  readonly #options: HomelessOptions;
  readonly #entries = new Registry<ConnectionId, Entry>();
  #cancel: Cancel | undefined;
  #closing = false;

  constructor(options: HomelessOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many of them wait for no worker, since their peers are silent. */
  get silent(): number {
    let count = 0;
    for (const { woken } of this.#entries.values()) if (!woken) count += 1;
    return count;
  }

  get(id: ConnectionId): RelaySide | undefined {
    return this.#entries.get(id)?.side;
  }

  // The offer may still be under way to its worker, with what was right then. It must not be taken for a later one.
  unoffered(id: ConnectionId): void {
    const side = this.get(id);
    if (!side) return;
    side.unoffered();
    this.#options.renewLease(side.connection);
  }

  /** A worker has it. */
  delete(id: ConnectionId): void {
    this.#entries.delete(id);
    if (this.size === 0) this.#stop();
  }

  *sides(): Iterable<RelaySide> {
    for (const { side } of this.#entries.values()) yield side;
  }

  /** The worker that had it last, and why it has it no more. */
  movedFrom(id: ConnectionId): Pick<HomelessTerms, 'from' | 'why'> | undefined {
    return this.#entries.get(id);
  }

  /** A connection was taken back. */
  add(side: RelaySide, terms: HomelessTerms): void {
    const { limit } = terms;
    const { clock, renewLease } = this.#options;
    const { connection } = side;
    // What that worker still says of its lease must not be taken for a word about the next one.
    renewLease(connection);
    const until = limit > 0 ? clock.now() + limit : Infinity;
    this.#entries.set(connection.id, { ...terms, side, until, woken: false });
    side.belongsTo(this);
    if (side.hasInput || side.peerEnded) this.woken(side);
    else if (this.#closing) side.giveUp(undefined);
    else if (until < Infinity) this.#arm();
  }

  woken(side: RelaySide): void {
    const entry = this.#entries.get(side.connection.id);
    if (!entry || entry.woken || side.state !== 'open') return;
    if (side.hasInput) {
      entry.woken = true;
      this.#options.wake(side.connection);
    }
    // Its peer has nothing more to say, and nobody owes it anything.
    else if (side.peerEnded) side.giveUp(undefined);
  }

  closed(side: RelaySide): void {
    const entry = this.#entries.get(side.connection.id);
    this.delete(side.connection.id);
    entry?.closed(side);
  }

  /** No worker takes the connection. Returns false for a connection that is none of these. */
  refuse({ id }: Connection, reason: CloseReason | undefined, error?: string): boolean {
    const side = this.get(id);
    side?.giveUp(reason, error);
    return side !== undefined;
  }

  /** The prefork closes: those that are silent are closed, as are those that come. */
  close(): void {
    this.#closing = true;
    this.#stop();
    for (const { side, woken } of this.#entries.values()) if (!woken) side.giveUp(undefined);
  }

  #arm(): void {
    this.#cancel ??= this.#options.clock.callAt(this.#options.clock.now() + LOOK_EVERY, this.#look);
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  readonly #look = (): void => {
    this.#cancel = undefined;
    const now = this.#options.clock.now();
    let more = false;
    for (const { side, until, woken } of this.#entries.values()) {
      if (woken) continue;
      if (now >= until) side.giveUp(undefined);
      else more ||= until < Infinity;
    }
    if (more) this.#arm();
  };
}
