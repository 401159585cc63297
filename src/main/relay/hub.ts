/** The main thread's side of all connections of one worker. Runs in the main thread. */
import { type Clock } from '../../common/core/clock.ts';
import { errors } from '../../common/core/errors.ts';
import { Registry } from '../../common/core/registry.ts';
import {
  type CloseReason,
  type ConnectionId,
  type Millis,
  type MoveReason,
} from '../../common/core/types.ts';
import { encodeWord, FRAME, readWord, type FrameKind } from '../../common/wire/frames.ts';
import { LeaseBook, type LeaseId, type LeasePage } from '../../common/wire/leases.ts';
import {
  encodeJson,
  readCall,
  readClose,
  readCounts,
  readTransferClose,
  type Resumed,
  type SocketMessage,
  type ToWorker,
} from '../../common/wire/messages.ts';
import { leaseOf, MOVED, type Connection } from './connection.ts';
import { Offers, type Offer } from './offers.ts';
import { type ConnectionSide } from './connection-side.ts';
import { type Lane, type LaneEnd } from '../../common/lane/lane.ts';
import { shareOf } from './share.ts';
import { Taking, type LeftTerms } from './taking.ts';
import { RelaySide, type Seat, type SideOwner } from './relay-side.ts';
import { TransferSide } from './transfer-side.ts';
import { isTransferable, sendOff } from './send-socket.ts';

export interface HubOptions {
  /** The main thread's end of the lanes to the worker; it gives its frames to `frame`. */
  readonly lane: LaneEnd;
  readonly clock: Clock;
  readonly window: number;
  readonly lingerTimeout: Millis;
  /** Sends a socket to the worker by the port, and may throw; without it, everything is relayed. */
  readonly sendSocket?: ((message: SocketMessage) => void) | undefined;
  /** The connections that no worker has; without it, none rests. */
  readonly homeless?: HomelessSides | undefined;
  /** The worker has claimed a connection; `again` if another had it before. */
  readonly claimed: (connection: Connection, again: boolean) => void;
  /** The worker has closed its side of a connection that it had claimed, or can have none any more. */
  readonly released: (connection: Connection) => void;
  /** A connection that the worker had claimed is closed on both sides. */
  readonly closed: (side: ConnectionSide) => void;
  /** A connection at rest was taken back from the worker. */
  readonly left?: ((side: RelaySide, terms: LeftTerms) => void) | undefined;
  /** The worker has left something that no worker leaves. */
  readonly broken: (error: unknown) => void;
}

/** The sides of the connections that no worker has. */
export interface HomelessSides {
  get(id: ConnectionId): RelaySide | undefined;
  /** One that was on offer was taken back. */
  unoffered(id: ConnectionId): void;
  /** A worker has this one. */
  delete(id: ConnectionId): void;
}

/** Offers connections to one worker, and gives each frame of the worker to the side of the connection it belongs to. */
export class Hub implements SideOwner {
  readonly #options: HubOptions;
  readonly #lane: Lane;
  readonly #leases = new LeaseBook((page) => {
    this.#options.lane.post({ kind: 'leases', page } satisfies ToWorker);
  });
  readonly #offers = new Offers(this.#leases);
  readonly #sides = new Registry<LeaseId, RelaySide | TransferSide>();
  readonly #written: RelaySide[] = [];
  /** Without it, nothing rests. */
  readonly #taking: Taking | undefined;
  #gone = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#lane = options.lane.out;
    this.#taking = options.left && this.#openTaking(options.left);
  }

  /** The memory that both sides claim in. */
  get pages(): readonly LeasePage[] {
    return this.#leases.pages;
  }

  /** A connection that the worker had claimed is closed on both sides. */
  closed(side: RelaySide | TransferSide): void {
    this.#forget(side);
    this.#options.closed(side);
  }

  /** The connection is on its way out of here: its next owner looks for itself. */
  woken(): void {
    return undefined;
  }

  /** Connections the worker has claimed that are not closed on both sides. */
  get open(): number {
    return this.#sides.size;
  }

  /** How many of them the end of the worker would cut off. The others only take their last output, or their peer has gone. */
  get clients(): number {
    return [...this.#sides.values()].filter(isCutOff).length;
  }

  /** The sides of these connections. */
  get sides(): Iterable<ConnectionSide> {
    return this.#sides.values();
  }

  /** The worker has read everything that was sent to it, and waits for more. */
  get rests(): boolean {
    return this.#options.lane.rests;
  }

  /** Offers a connection to the worker, which may claim it until it is taken back. */
  offer(connection: Connection): void {
    const side = this.#homelessSide(connection);
    const transfer = !side && this.#options.sendSocket !== undefined && isTransferable(connection);
    const offer = this.#offers.add(connection, transfer);
    if (!offer) return;
    if (transfer) this.#lane.control(FRAME.open, connection.id, encodeWord(offer.slot));
    else this.#openRelay(connection, offer.slot, side?.offered());
  }

  /** Takes a connection back that no handler of the worker has seen; false when one may have. */
  takeBack(connection: Pick<Connection, 'id' | 'lease'>): boolean {
    if (!this.#offers.takeBack(leaseOf(connection))) return false;
    this.#options.homeless?.unoffered(connection.id);
    return true;
  }

  /** Takes back every connection that no handler has seen. */
  takeAllBack(): Connection[] {
    const all = this.#offers.all().map(({ connection }) => connection);
    return all.filter((connection) => this.takeBack(connection));
  }

  /** Whether anything may still be taken back: the worker is not given up, and all that came from it made sense. */
  get mayTake(): boolean {
    return !this.#gone && this.#options.lane.intact;
  }

  /** How many bytes the worker was sent in all, modulo 2^32. */
  get sent(): number {
    return this.#options.lane.sent;
  }

  /** Whether the worker has read so far. */
  hasRead(cursor: number): boolean {
    return this.#options.lane.hasRead(cursor);
  }

  /**
   * Takes back connections at rest that have input which the worker has not taken, those that have waited longest; returns how
   * many. Of many it takes half.
   */
  takeWaiting(): number {
    const waiting = [...this.#unreadSides()].filter(({ lease, given }) =>
      this.#leases.isUntaken(lease, given),
    );
    return this.#takeRested(waiting.slice(0, shareOf(waiting.length)), 'busy');
  }

  *#unreadSides(): Iterable<RelaySide> {
    for (const lease of this.#unreadFor()) {
      const side = this.#sides.get(lease);
      if (side && isAtWorker(side)) yield side;
    }
  }

  #unreadFor(): Iterable<LeaseId> {
    const { lane, broken } = this.#options;
    try {
      return this.mayTake ? lane.unreadFor() : [];
    } catch (error) {
      broken(error);
      return [];
    }
  }

  /** Takes back every connection that is at rest. Each is told to `left` once all output of the worker for it is here. */
  takeRested(why: MoveReason = 'lost'): void {
    this.#takeRested([...this.#sides.values()].filter(isAtWorker), why);
  }

  #takeRested(sides: readonly RelaySide[], why: MoveReason): number {
    return this.#taking?.take(sides, why) ?? 0;
  }

  #openTaking(left: (side: RelaySide, terms: LeftTerms) => void): Taking {
    const { lane, released, broken } = this.#options;
    return new Taking({
      lane,
      leases: this.#leases,
      owner: this,
      taken: ({ connection }) => {
        released(connection);
      },
      left: (side, terms) => {
        this.#sides.delete(side.lease);
        left(side, terms);
      },
      broken,
    });
  }

  /**
   * The worker is gone or given up. Its connections at rest are taken back. Its other relayed clients get the output that it has
   * sent, then they are closed. Returns the connections that no handler has seen: another worker can serve them.
   */
  abandon(reason: CloseReason): Connection[] {
    this.#gone = true;
    this.#options.lane.close();
    this.takeRested('lost');
    const unseen = this.takeAllBack();
    // The connections left on offer were claimed by a worker that did not live to say so, whatever their words are by now.
    for (const offer of this.#offers.all())
      if (!offer.transfer && this.#offers.drop(offer)) this.#seated(offer);
    for (const side of [...this.#sides.values()]) {
      if (isOpenAtWorker(side)) this.#options.released(side.connection);
      side.abandon(reason);
    }
    return unseen;
  }

  /** Closes every connection at once. */
  destroy(): void {
    for (const side of [...this.#sides.values()]) side.destroy();
  }

  /** A frame came from the worker. */
  frame(kind: FrameKind, lease: LeaseId, payload: Buffer): void {
    if (kind === FRAME.open || kind === FRAME.takenBack) throw errors.badFrame(`kind ${kind} from a worker`);
    if (kind === FRAME.skip) return;
    if (kind === FRAME.claim) {
      this.#claimed(lease);
      return;
    }
    // No side is there for a frame that comes late, after its connection was closed or taken back.
    const side = this.#sides.get(lease);
    if (side instanceof TransferSide) this.#forTransferred(side, kind, payload);
    else if (kind === FRAME.rest) this.#takeRested(side && isAtWorker(side) ? [side] : [], 'left');
    else if (side) this.#forRelayed(side, kind, payload);
  }

  /** All frames that had come are taken. */
  passed(): void {
    for (const side of this.#written.splice(0)) side.passed();
  }

  #claimed(lease: LeaseId): void {
    // Nothing is sent to a worker that is gone.
    if (this.#gone && this.#offers.get(lease)?.transfer === true) return;
    if (this.#offers.settleTakenBack(lease)) {
      this.#lane.control(FRAME.close, lease);
      return;
    }
    const offer = this.#offers.settle(lease);
    if (!offer) throw errors.badFrame(`a claim on ${lease}, which is not on offer`);
    this.#seated(offer);
  }

  #seated(offer: Offer): void {
    const lease = leaseOf(offer.connection);
    const { homeless, claimed } = this.#options;
    const before = this.#homelessSide(offer.connection);
    const side = before ?? this.#sideOf(offer);
    this.#sides.set(lease, side);
    claimed(offer.connection, before !== undefined);
    if (!before) {
      side.start();
      return;
    }
    homeless?.delete(offer.connection.id);
    before.sit(this.#seat(lease));
  }

  // Only a connection that was taken back at rest has a lease with a number of its own.
  #homelessSide({ id, lease }: Connection): RelaySide | undefined {
    return lease === undefined ? undefined : this.#options.homeless?.get(id);
  }

  #seat(lease: LeaseId): Seat {
    return { lane: this.#lane, lease, owner: this };
  }

  #sideOf({ connection, slot, transfer }: Offer): RelaySide | TransferSide {
    const { clock, window, lingerTimeout } = this.#options;
    if (transfer && this.#transfer(connection)) {
      // No word decides about it any more.
      this.#leases.close(connection.id);
      return new TransferSide(connection, this.#lane, (side) => {
        this.closed(side);
      });
    }
    // The socket could not be sent: it is closed, bytes of it were read, or no descriptor is free.
    if (transfer) this.#openRelay(connection, slot);
    return new RelaySide({
      connection,
      seat: this.#seat(leaseOf(connection)),
      clock,
      window,
      lingerTimeout,
    });
  }

  #forget(side: RelaySide | TransferSide): void {
    const { lease } = side;
    this.#sides.delete(lease);
    this.#leases.close(lease);
  }

  #transfer(connection: Connection): boolean {
    const { id, stream, addresses } = connection;
    const addressed = { kind: 'socket', id, socket: stream, addresses: JSON.stringify(addresses) } as const;
    const left = sendOff(stream, () => this.#options.sendSocket?.(addressed));
    connection.stream = left ?? MOVED;
    return left === undefined;
  }

  #openRelay(connection: Connection, slot: number, resumed?: Resumed): void {
    const { addresses, secured } = connection;
    this.#lane.control(FRAME.open, leaseOf(connection), encodeJson({ slot, addresses, secured, resumed }));
  }

  #forTransferred(side: TransferSide, kind: FrameKind, payload: Buffer): void {
    if (kind === FRAME.counts) {
      side.count(readCounts(payload));
      return;
    }
    if (kind !== FRAME.close) throw errors.badFrame(`kind ${kind} for a transferred socket`);
    this.#options.released(side.connection);
    side.close(readTransferClose(payload));
  }

  #forRelayed(
    side: RelaySide,
    kind: Exclude<FrameKind, (typeof FRAME)['open' | 'claim' | 'skip' | 'rest' | 'takenBack']>,
    payload: Buffer,
  ): void {
    switch (kind) {
      case FRAME.data:
        if (side.data(payload)) this.#written.push(side);
        return;
      case FRAME.end:
        side.end();
        return;
      case FRAME.close:
        this.#released(side, payload);
        return;
      case FRAME.reset:
        side.reset();
        return;
      case FRAME.credit:
        side.grant(readWord(payload));
        return;
      case FRAME.call:
        side.call(readCall(payload));
        return;
      case FRAME.counts:
        throw errors.badFrame('counts of a relayed connection');
    }
  }

  #released(side: RelaySide, payload: Buffer): void {
    const held = isOpenAtWorker(side);
    // The worker has done with it. Its last output may take long, and needs no slot.
    this.#leases.close(side.lease);
    side.close(readClose(payload));
    if (held) this.#options.released(side.connection);
  }
}

/** Whether its worker has it, and it may be at rest there. */
const isAtWorker = (side: ConnectionSide): side is RelaySide =>
  side instanceof RelaySide && side.state === 'open' && !side.homeless;

/** Whether the end of the worker cuts the connection off: neither side is closed. */
const isCutOff = (end: RelaySide | TransferSide): boolean =>
  end instanceof TransferSide || (end.state === 'open' && !end.homeless);

/** Whether the worker has not closed its side yet. */
const isOpenAtWorker = (side: RelaySide | TransferSide): boolean =>
  side instanceof TransferSide ||
  (!side.homeless && (side.state === 'open' || side.state === 'stream-closed'));
