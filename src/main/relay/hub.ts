/** The main thread's side of all connections of one worker. Runs in the main thread. */
import { type Clock } from '../../common/core/clock.ts';
import { errors } from '../../common/core/errors.ts';
import { Registry } from '../../common/core/registry.ts';
import { type CloseReason, type ConnectionId, type Millis } from '../../common/core/types.ts';
import { encodeWord, FRAME, readWord, type FrameKind } from '../../common/wire/frames.ts';
import {
  encodeJson,
  readCall,
  readClose,
  readCounts,
  readTransferClose,
  type SocketMessage,
} from '../../common/wire/messages.ts';
import { MOVED, type Connection } from './connection.ts';
import { Offers, type Offer } from './offers.ts';
import { type ConnectionSide } from './connection-side.ts';
import { type Lane, type LaneEnd } from '../../common/lane/lane.ts';
import { RelaySide } from './relay-side.ts';
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
  /** The worker has claimed a connection. */
  readonly claimed: (connection: Connection) => void;
  /** The worker has closed its side of a connection that it had claimed, or can have none any more. */
  readonly released: (connection: Connection) => void;
  /** A connection that the worker had claimed is closed on both sides. */
  readonly closed: (side: ConnectionSide) => void;
}

/** Offers connections to one worker, and gives each frame of the worker to the side of the connection it belongs to. */
export class Hub {
  readonly #options: HubOptions;
  readonly #lane: Lane;
  readonly #offers = new Offers();
  readonly #sides = new Registry<ConnectionId, RelaySide | TransferSide>();
  readonly #written: RelaySide[] = [];
  #gone = false;

  readonly #closedBothWays = (side: ConnectionSide): void => {
    this.#sides.delete(side.connection.id);
    this.#options.closed(side);
  };

  constructor(options: HubOptions) {
    this.#options = options;
    this.#lane = options.lane.out;
  }

  /** The memory that both sides claim in. */
  get claims(): Int32Array<SharedArrayBuffer> {
    return this.#offers.claims;
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
    const transfer = this.#options.sendSocket !== undefined && isTransferable(connection);
    const offer = this.#offers.add(connection, transfer);
    if (!offer) return;
    if (transfer) this.#lane.control(FRAME.open, connection.id, encodeWord(offer.slot));
    else this.#openRelay(connection, offer.slot);
  }

  /** Takes a connection back that no handler of the worker has seen; false when one may have. */
  takeBack(id: ConnectionId): boolean {
    return this.#offers.takeBack(id);
  }

  /** Takes back every connection that no handler has seen. */
  takeAllBack(): Connection[] {
    const all = this.#offers.all().map(({ connection }) => connection);
    return all.filter(({ id }) => this.takeBack(id));
  }

  /**
   * The worker is gone or given up. Its relayed clients get the output that it has sent, then they are closed. Returns the
   * connections that no handler has seen: another worker can serve them.
   */
  abandon(reason: CloseReason): Connection[] {
    this.#gone = true;
    this.#options.lane.close();
    const unseen = this.takeAllBack();
    // The connections left on offer were claimed by a worker that did not live to say so.
    for (const { connection } of this.#offers.all()) this.#claimed(connection.id);
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
  frame(kind: FrameKind, id: ConnectionId, payload: Buffer): void {
    if (kind === FRAME.open) throw errors.badFrame('an offer from a worker');
    if (kind === FRAME.skip) return;
    if (kind === FRAME.claim) {
      this.#claimed(id);
      return;
    }
    // No side is there for a frame that comes late, after its connection was closed.
    const side = this.#sides.get(id);
    if (side instanceof TransferSide) this.#forTransferred(side, kind, payload);
    else if (side) this.#forRelayed(side, kind, payload);
  }

  /** All frames that had come are taken. */
  passed(): void {
    for (const side of this.#written.splice(0)) side.passed();
  }

  #claimed(id: ConnectionId): void {
    // Nothing is sent to a worker that is gone.
    if (this.#gone && this.#offers.get(id)?.transfer === true) return;
    if (this.#offers.settleTakenBack(id)) {
      this.#lane.control(FRAME.close, id);
      return;
    }
    const offer = this.#offers.settle(id);
    if (!offer) throw errors.badFrame(`a claim on ${id}, which is not on offer`);
    const side = this.#endOf(offer);
    this.#sides.set(id, side);
    this.#options.claimed(offer.connection);
    side.start();
  }

  #endOf({ connection, slot, transfer }: Offer): RelaySide | TransferSide {
    const { clock, window, lingerTimeout } = this.#options;
    if (transfer && this.#transfer(connection))
      return new TransferSide(connection, this.#lane, this.#closedBothWays);
    // The socket could not be sent: it is closed, bytes of it were read, or no descriptor is free.
    if (transfer) this.#openRelay(connection, slot);
    return new RelaySide({
      connection,
      lane: this.#lane,
      clock,
      window,
      lingerTimeout,
      closed: this.#closedBothWays,
    });
  }

  #transfer(connection: Connection): boolean {
    const { id, stream, addresses } = connection;
    const addressed = { kind: 'socket', id, socket: stream, addresses: JSON.stringify(addresses) } as const;
    const left = sendOff(stream, () => this.#options.sendSocket?.(addressed));
    connection.stream = left ?? MOVED;
    return left === undefined;
  }

  #openRelay({ id, addresses, secured }: Connection, slot: number): void {
    this.#lane.control(FRAME.open, id, encodeJson({ slot, addresses, secured }));
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
    kind: Exclude<FrameKind, typeof FRAME.open | typeof FRAME.claim | typeof FRAME.skip>,
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
    side.close(readClose(payload));
    if (held) this.#options.released(side.connection);
  }
}

/** Whether the end of the worker cuts the connection off: neither side is closed. */
const isCutOff = (end: RelaySide | TransferSide): boolean =>
  end instanceof TransferSide || end.state === 'open';

/** Whether the worker has not closed its side yet. */
const isOpenAtWorker = (side: RelaySide | TransferSide): boolean =>
  side instanceof TransferSide || side.state === 'open' || side.state === 'stream-closed';
