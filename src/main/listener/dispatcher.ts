/** The dispatcher: the only place that gives connections to workers. `choose` in the policy names the worker. */
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { Registry } from '../../common/core/registry.ts';
import { type ConnectionId, type DropReason, type Millis, type WorkerId } from '../../common/core/types.ts';
import { choose, type ChooseConfig } from '../policy/choose.ts';
import { isReady, type PoolEvent, type PoolState } from '../policy/state.ts';
import { isDestroyed } from '../../common/user-code/guarded.ts';
import { type Connection } from '../relay/connection.ts';
import { shareOf } from '../relay/share.ts';
import { refusalOf, type AdmissionConfig, type Crowd } from './admission.ts';
import { StealWatch, type OpenOffers } from './steal-watch.ts';
import { WaitingRoom } from './waiting-room.ts';

export interface DispatcherConfig extends ChooseConfig, AdmissionConfig {
  readonly maxWaiting: number;
  readonly waitTimeout: Millis;
  readonly claimTimeout: Millis;
  /** `Infinity` for never. */
  readonly stealAfter: Millis;
}

export interface DispatcherOptions {
  readonly config: DispatcherConfig;
  readonly clock: Clock;
  readonly state: () => PoolState;
  readonly tell: (event: PoolEvent) => void;
  /** Offers a connection to a worker. */
  readonly offer: (id: WorkerId, connection: Connection) => void;
  /** Takes a connection back that no handler has seen; false when one may have. */
  readonly takeBack: (id: WorkerId, connection: Connection) => boolean;
  /** Whether a worker has read everything that it was sent, and waits for more. */
  readonly rests: (id: WorkerId) => boolean;
  readonly dropped: (connection: Connection, reason: DropReason, error?: unknown) => void;
}

interface Owed {
  readonly connection: Connection;
  readonly worker: WorkerId;
  /** When it was offered; `claimTimeout` and `stealAfter` run from here. */
  readonly since: Millis;
}

const generationOf = ({ workers }: PoolState, worker: WorkerId): number =>
  workers.find(({ id }) => id === worker)?.generation ?? -Infinity;

/** The youngest generation that takes connections. */
const newest = ({ workers }: PoolState): number =>
  Math.max(...workers.filter(isReady).map(({ generation }) => generation), -Infinity);

/**
 * Decides for each accepted connection whether it is offered to a worker, waits, or is refused. A connection that its
 * worker does not claim in time is taken back and offered to another.
 */
export class Dispatcher implements OpenOffers {
  readonly #options: DispatcherOptions;
  readonly #room = new WaitingRoom();
  readonly #owed = new Registry<ConnectionId, Owed>();
  readonly #watch: StealWatch;
  #config: DispatcherConfig;
  #paused = false;
  #pumping = false;
  #closing = false;
  #cancelTimer: Cancel | undefined;
  #armedAt: Millis = Infinity;
  /** After a look that was late, nothing is overdue before this. */
  #grantedUntil: Millis = -Infinity;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#watch = new StealWatch(options.clock, this, options.config.stealAfter);
  }

  get waiting(): number {
    return this.#room.size;
  }

  configure(config: DispatcherConfig): void {
    this.#config = config;
    this.#watch.configure(config.stealAfter);
    // Without an open offer, a timer would keep the process alive for nothing.
    if (this.#owed.size > 0 && !this.#closing) this.#watch.wake();
    this.pump();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.pump();
  }

  /** A new connection; `others` are open besides it. */
  arrive(connection: Connection, others: Crowd): void {
    const refusal = this.#closing ? 'closing' : refusalOf(connection.addresses, others, this.#config);
    if (refusal !== undefined) this.#drop(connection, refusal);
    else if (!this.#mayPass() || !this.#offerToChosen(connection)) this.#wait(connection);
  }

  /**
   * Connections were taken back from a worker that had not claimed them. They are the first to be offered again, in the
   * next turn of the master: its owner may be about to say that this worker is gone.
   */
  takenBack(connections: readonly Connection[], worker: WorkerId, overdue: boolean): void {
    if (connections.length === 0) return;
    for (const { id } of connections) {
      this.#owed.delete(id);
      this.#options.tell({ kind: 'taken-back', id: worker, overdue });
    }
    if (this.#closing) for (const connection of connections) this.#drop(connection, 'closing');
    else this.#putBack(connections);
    this.#tellWaiting();
    this.#arm();
  }

  claimed(connection: Connection): void {
    this.#owed.delete(connection.id);
    if (this.#closing) this.#arm();
  }

  /**
   * A connection that no worker had since it was taken back at rest is to have one again. It is not admitted anew, and a
   * pause is no matter of its peer's.
   */
  wake(connection: Connection): void {
    connection.acceptedAt = this.#options.clock.now();
    if (this.#closing) {
      this.#drop(connection, 'closing');
      return;
    }
    const free = this.#room.size === 0 ? this.#freeFor(connection, undefined) : undefined;
    if (free !== undefined) {
      this.#offer(free, connection);
      this.#arm();
      return;
    }
    if (this.#room.size === 0 && this.#offerToChosen(connection)) return;
    this.#room.enter(connection);
    this.#tellWaiting();
    this.#arm();
  }

  /** The peer of a connection left before a worker had it. */
  gone(connection: Connection): void {
    if (!this.#room.leave(connection)) return;
    this.#drop(connection, 'gone');
    this.#tellWaiting();
  }

  /** A connection never came so far as to need a worker. */
  refuse(connection: Connection, reason: DropReason, error: unknown): void {
    this.#drop(connection, reason, error);
  }

  /** Offers waiting connections to workers that may take them. Call it whenever a worker may have become free. */
  pump(): void {
    // A dispatch function of the user's may lead here again, and the same connection must not be offered twice.
    if (this.#pumping) return;
    const before = this.#room.size;
    this.#pumping = true;
    try {
      this.#offerWaiting();
    } finally {
      this.#pumping = false;
    }
    if (this.#room.size !== before) this.#tellWaiting();
    this.#arm();
  }

  /** Refuses the connections that wait, and all that come from now on. */
  close(): void {
    this.#closing = true;
    this.#watch.stop();
    for (const connection of this.#room) this.#drop(connection, 'closing');
    this.#tellWaiting();
    this.#arm();
  }

  #offerWaiting(): void {
    for (const connection of this.#room) {
      // One that a worker had is served on.
      if (this.#paused && connection.lease === undefined) continue;
      if (this.#offerToChosen(connection)) this.#room.leave(connection);
      // A function may name a worker for the next connection. The named strategies look at the workers alone.
      else if (typeof this.#config.dispatch === 'string') return;
    }
  }

  // A new connection does not overtake connections that wait.
  #mayPass(): boolean {
    return !this.#paused && this.#room.size === 0;
  }

  #offerToChosen(connection: Connection): boolean {
    const { state } = this.#options;
    let worker: WorkerId | undefined;
    try {
      worker = choose(state(), this.#config, connection.addresses);
    } catch (error) {
      this.#drop(connection, 'dispatch-failed', error);
      return true;
    }
    if (worker === undefined) return false;
    this.#offer(worker, connection);
    this.#arm();
    return true;
  }

  #offer(worker: WorkerId, connection: Connection): void {
    const { tell, offer, clock } = this.#options;
    this.#owed.set(connection.id, { connection, worker, since: clock.now() });
    tell({ kind: 'offered', id: worker });
    offer(worker, connection);
    this.#watch.wake();
  }

  /**
   * Gives each connection that was offered at `until` or before, and that its worker has not taken up, to a worker that
   * rests. The oldest come first. A worker that is blocked thus delays a new connection by milliseconds, and not until
   * `claimTimeout`. A relayed connection that is claimed stays with its worker, whatever the timing; a transferred one does
   * so once the claim has been told, since no handler sees it before.
   */
  steal(until: Millis): boolean {
    const overdue = [...this.#owed.values()].filter(
      ({ connection, since }) => since <= until && !(this.#paused && connection.lease === undefined),
    );
    const resting = this.#resting();
    for (const { connection, worker } of overdue.slice(0, shareOf(overdue.length))) {
      if (this.#closing) break;
      const free = this.#freeFor(connection, worker, resting);
      if (free === undefined) break;
      if (!this.#options.takeBack(worker, connection)) continue;
      this.#owed.delete(connection.id);
      this.#options.tell({ kind: 'stolen', id: worker });
      this.#offer(free, connection);
    }
    return this.#owed.size > 0;
  }

  /** Whether a worker rests that may have any connection of this one. */
  hasFreeFor(worker: WorkerId): boolean {
    return this.#freeFor({ addresses: {} }, worker) !== undefined;
  }

  // An address that sticks to a worker, and a function of the user's, say where a connection belongs. A client that is
  // taken from a new generation must not meet an old one, which would soon send it away.
  #freeFor(
    { addresses }: Pick<Connection, 'addresses'>,
    from: WorkerId | undefined,
    resting: ReadonlySet<WorkerId> = this.#resting(),
  ): WorkerId | undefined {
    const { dispatch } = this.#config;
    if (dispatch === 'sticky-address' || typeof dispatch === 'function') return undefined;
    const state = this.#options.state();
    const least = from === undefined ? newest(state) : generationOf(state, from);
    const workers = state.workers.filter(({ id, generation }) => generation >= least && resting.has(id));
    return workers.length === 0 ? undefined : choose({ ...state, workers }, this.#config, addresses);
  }

  /** The workers that have read everything and owe no claim. */
  #resting(): Set<WorkerId> {
    const { workers } = this.#options.state();
    return new Set(
      workers.filter(({ id, owed }) => owed === 0 && this.#options.rests(id)).map(({ id }) => id),
    );
  }

  #wait(connection: Connection): void {
    if (this.#room.size >= this.#config.maxWaiting) {
      this.#drop(connection, 'waiting-room-full');
      return;
    }
    this.#room.enter(connection);
    this.#tellWaiting();
    this.#arm();
  }

  #putBack(connections: readonly Connection[]): void {
    this.#room.putBack(connections.filter(({ stream }) => !isDestroyed(stream)));
    for (const connection of connections) if (isDestroyed(connection.stream)) this.#drop(connection, 'gone');
  }

  #drop(connection: Connection, reason: DropReason, error?: unknown): void {
    this.#room.leave(connection);
    this.#options.dropped(connection, reason, error);
  }

  #tellWaiting(): void {
    this.#options.tell({ kind: 'waiting', count: this.#room.size });
  }

  #arm(): void {
    const { first } = this.#owed;
    const claimBy = (first?.since ?? Infinity) + this.#config.claimTimeout;
    const waitBy = (this.#room.oldest ?? Infinity) + this.#config.waitTimeout;
    // A timer must not be set for the past: it would seem to have fired late.
    const at = Math.max(Math.min(claimBy, waitBy), this.#grantedUntil, this.#options.clock.now());
    // No connection is left to which time was granted.
    if (at === Infinity) this.#grantedUntil = -Infinity;
    if (at === this.#armedAt) return;
    // Most offers are claimed long before. A timer that fires early is cheaper than a new one for each offer.
    if (at > this.#armedAt && at !== Infinity) return;
    this.#cancelTimer?.();
    this.#armedAt = at;
    this.#cancelTimer = at === Infinity ? undefined : this.#options.clock.callAt(at, this.#due);
  }

  // A host that was suspended or blocked has heard no claim meanwhile, and its workers may have been stopped as well. Time
  // is granted for that, but only once: in a host that always blocks, nothing would ever be overdue otherwise.
  #grantLateness(due: Millis, now: Millis): boolean {
    const { claimTimeout } = this.#config;
    if (due === this.#grantedUntil || now - due <= claimTimeout / 4) return false;
    this.#grantedUntil = now + Math.min(now - due, claimTimeout);
    return true;
  }

  readonly #due = (): void => {
    const now = this.#options.clock.now();
    const due = this.#armedAt;
    this.#armedAt = Infinity;
    if (this.#grantLateness(due, now)) {
      this.#arm();
      return;
    }
    for (const { connection, worker, since } of [...this.#owed.values()]) {
      if (now < since + this.#config.claimTimeout) break;
      if (this.#options.takeBack(worker, connection)) this.takenBack([connection], worker, true);
      else this.#owed.delete(connection.id);
    }
    this.pump();
    for (const connection of this.#room) {
      if (now >= connection.acceptedAt + this.#config.waitTimeout) this.#drop(connection, 'wait-timeout');
    }
    this.#tellWaiting();
    this.#arm();
  };
}
