import { type Clock } from '../../common/core/clock.ts';
import { errors } from '../../common/core/errors.ts';
import { Registry } from '../../common/core/registry.ts';
import { type CloseReason, type ConnectionId, type Millis } from '../../common/core/types.ts';
import { CLAIM_SLOTS, OfferBook } from '../../common/wire/claims.ts';
import { encodeWord, FRAME, readWord, type FrameKind } from '../../common/wire/frames.ts';
import {
  encodeJson,
  readCall,
  readClose,
  readCounts,
  readTransferClose,
  type SocketMessage,
} from '../../common/wire/messages.ts';
import { LEFT, type Connection } from './connection.ts';
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
  readonly over: (end: ConnectionSide) => void;
}

interface Offer {
  readonly connection: Connection;
  readonly slot: number;
  readonly transfer: boolean;
}

/** The main thread's side of all connections of one worker: what is on offer, and what it serves. */
export class Hub {
  readonly #options: HubOptions;
  readonly #lane: Lane;
  readonly #offers = new OfferBook();
  readonly #offered = new Registry<ConnectionId, Offer>();
  // The slots of what was taken back though the worker had claimed it: it has not said so yet, nor got the socket.
  readonly #revoked = new Registry<ConnectionId, Pick<Offer, 'slot'>>();
  readonly #ends = new Registry<ConnectionId, RelaySide | TransferSide>();
  readonly #written: RelaySide[] = [];
  #gone = false;

  readonly #over = (end: ConnectionSide): void => {
    this.#ends.delete(end.connection.id);
    this.#options.over(end);
  };

  constructor(options: HubOptions) {
    this.#options = options;
    this.#lane = options.lane.out;
  }

  /** The memory that both sides claim in. */
  get claims(): Int32Array<SharedArrayBuffer> {
    return this.#offers.slots;
  }

  /** Connections the worker has claimed that are not closed on both sides. */
  get open(): number {
    return this.#ends.size;
  }

  /** All of these. */
  get ends(): Iterable<ConnectionSide> {
    return this.#ends.values();
  }

  /** The worker has read everything that was sent to it, and waits for more. */
  get rests(): boolean {
    return this.#options.lane.rests;
  }

  offer(connection: Connection): void {
    const { id } = connection;
    const claimed = this.#revoked.get(id);
    if (claimed) {
      // Its claim is still to be told.
      this.#revoked.delete(id);
      this.#offered.set(id, { ...claimed, connection, transfer: true });
      return;
    }
    const slot = this.#offers.offer(id);
    const transfer = this.#options.sendSocket !== undefined && isTransferable(connection);
    this.#offered.set(id, { connection, slot, transfer });
    if (transfer) this.#lane.control(FRAME.open, id, encodeWord(slot));
    else this.#openRelay(connection, slot);
  }

  /** Takes a connection back that no handler of the worker has seen; false when one may have. */
  takeBack(id: ConnectionId): boolean {
    const offer = this.#offered.get(id);
    if (!offer) return false;
    if (!this.#offers.takeBack(id)) {
      // Each keeps its slot until the worker speaks.
      if (!offer.transfer || this.#revoked.size * 2 >= CLAIM_SLOTS) return false;
      // Claimed in the very turn in which the worker hangs, it would wait for the worker's end.
      this.#revoked.set(id, { slot: offer.slot });
    }
    return this.#offered.delete(id);
  }

  /** Takes back all that no handler has seen. */
  takeAllBack(): Connection[] {
    const all = [...this.#offered.values()].map(({ connection }) => connection);
    return all.filter(({ id }) => this.takeBack(id));
  }

  /**
   * The worker is gone or given up. Its relayed clients get what it sent them, then they are closed. Returns what no
   * handler of it has seen, for another worker.
   */
  abandon(reason: CloseReason): Connection[] {
    this.#gone = true;
    this.#options.lane.close();
    const unseen = this.takeAllBack();
    // What is left on offer was claimed, and the worker did not live to say so.
    for (const { connection } of [...this.#offered.values()]) this.#claimed(connection.id);
    for (const end of [...this.#ends.values()]) {
      if (isHeld(end)) this.#options.released(end.connection);
      end.abandon(reason);
    }
    return unseen;
  }

  /** Closes every connection at once. */
  destroy(): void {
    for (const end of [...this.#ends.values()]) end.destroy();
  }

  /** A frame came from the worker. */
  frame(kind: FrameKind, id: ConnectionId, payload: Buffer): void {
    if (kind === FRAME.open) throw errors.badFrame('an offer from a worker');
    if (kind === FRAME.skip) return;
    if (kind === FRAME.claim) {
      this.#claimed(id);
      return;
    }
    // A frame for a connection that is over is only late.
    const end = this.#ends.get(id);
    if (end instanceof TransferSide) this.#forTransferred(end, kind, payload);
    else if (end) this.#forRelayed(end, kind, payload);
  }

  /** All frames that had come are taken. */
  passed(): void {
    for (const end of this.#written.splice(0)) end.passed();
  }

  #claimed(id: ConnectionId): void {
    const offer = this.#offered.get(id);
    // Nothing is sent to a worker that is gone.
    if (this.#gone && offer?.transfer === true) return;
    if (this.#revoked.delete(id) && this.#offers.settle(id)) {
      this.#lane.control(FRAME.close, id);
      return;
    }
    if (!offer || !this.#settle(id)) throw errors.badFrame(`a claim on ${id}, which is not on offer`);
    const end = this.#endOf(offer);
    this.#ends.set(id, end);
    this.#options.claimed(offer.connection);
    end.start();
  }

  #settle(id: ConnectionId): boolean {
    return this.#offers.settle(id) && this.#offered.delete(id);
  }

  #endOf({ connection, slot, transfer }: Offer): RelaySide | TransferSide {
    const { clock, window, lingerTimeout } = this.#options;
    if (transfer && this.#transfer(connection)) return new TransferSide(connection, this.#lane, this.#over);
    // It was to be transferred and cannot be: it is closed, bytes of it were read, or no descriptor is free.
    if (transfer) this.#openRelay(connection, slot);
    return new RelaySide({ connection, lane: this.#lane, clock, window, lingerTimeout, over: this.#over });
  }

  #transfer(connection: Connection): boolean {
    const { id, stream, addresses } = connection;
    const addressed = { kind: 'socket', id, socket: stream, addresses: JSON.stringify(addresses) } as const;
    const left = sendOff(stream, () => this.#options.sendSocket?.(addressed));
    connection.stream = left ?? LEFT;
    return left === undefined;
  }

  #openRelay({ id, addresses, secured }: Connection, slot: number): void {
    this.#lane.control(FRAME.open, id, encodeJson({ slot, addresses, secured }));
  }

  #forTransferred(end: TransferSide, kind: FrameKind, payload: Buffer): void {
    if (kind === FRAME.counts) {
      end.count(readCounts(payload));
      return;
    }
    if (kind !== FRAME.close) throw errors.badFrame(`kind ${kind} for a transferred socket`);
    this.#options.released(end.connection);
    end.close(readTransferClose(payload));
  }

  #forRelayed(
    end: RelaySide,
    kind: Exclude<FrameKind, typeof FRAME.open | typeof FRAME.claim | typeof FRAME.skip>,
    payload: Buffer,
  ): void {
    switch (kind) {
      case FRAME.data:
        if (end.data(payload)) this.#written.push(end);
        return;
      case FRAME.end:
        end.end();
        return;
      case FRAME.close:
        this.#released(end, payload);
        return;
      case FRAME.reset:
        end.reset();
        return;
      case FRAME.credit:
        end.grant(readWord(payload));
        return;
      case FRAME.call:
        end.call(readCall(payload));
        return;
      case FRAME.counts:
        throw errors.badFrame('counts of a relayed connection');
    }
  }

  #released(end: RelaySide, payload: Buffer): void {
    const held = isHeld(end);
    end.close(readClose(payload));
    if (held) this.#options.released(end.connection);
  }
}

/** Whether the worker has not closed its side yet. */
const isHeld = (end: RelaySide | TransferSide): boolean =>
  end instanceof TransferSide || end.state === 'open' || end.state === 'stream-closed';
