import { type Clock } from '../core/clock.ts';
import { errors } from '../core/errors.ts';
import { type CloseReason, type ConnectionId, type Millis } from '../core/types.ts';
import { OfferBook } from '../wire/claims.ts';
import { FRAME, readWord, type FrameKind } from '../wire/frames.ts';
import { encodeJson, readCall, readClose } from '../wire/messages.ts';
import { type Rings } from '../wire/ring.ts';
import { type Connection } from './connection.ts';
import { type ConnectionEnd } from './connection-end.ts';
import { type LaneEnd, type LaneEndOptions } from './lane.ts';
import { laneToWorker } from './open-lane.ts';
import { RelayEnd } from './relay-end.ts';

export interface HubOptions extends Omit<LaneEndOptions, 'sink' | 'passed'> {
  /** Memory for the lanes; without it the bytes go by the port. */
  readonly rings: Rings | undefined;
  readonly clock: Clock;
  readonly window: number;
  readonly lingerTimeout: Millis;
  /** The worker has claimed a connection. */
  readonly claimed: (connection: Connection) => void;
  /** The worker has closed its side of a connection that it had claimed. */
  readonly released: (connection: Connection) => void;
  /** A connection that the worker had claimed is closed on both sides. */
  readonly over: (end: ConnectionEnd) => void;
}

/** The main thread's side of all connections of one worker: what is on offer, and what it serves. */
export class Hub {
  readonly #options: HubOptions;
  readonly #lane: LaneEnd;
  readonly #offers = new OfferBook();
  readonly #offered = new Map<ConnectionId, Connection>();
  readonly #ends = new Map<ConnectionId, RelayEnd>();
  readonly #written: RelayEnd[] = [];

  readonly #over = (end: ConnectionEnd): void => {
    this.#ends.delete(end.connection.id);
    this.#options.over(end);
  };

  constructor(options: HubOptions) {
    this.#options = options;
    this.#lane = laneToWorker(options.rings, {
      ...options,
      sink: (kind, id, payload) => {
        this.#onFrame(kind, id, payload);
      },
      passed: () => {
        for (const end of this.#written.splice(0)) end.passed();
      },
    });
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
  get ends(): Iterable<ConnectionEnd> {
    return this.#ends.values();
  }

  offer(connection: Connection): void {
    const { id, addresses, secured } = connection;
    const slot = this.#offers.offer(id);
    this.#offered.set(id, connection);
    this.#lane.control(FRAME.open, id, encodeJson({ slot, addresses, secured }));
  }

  /** Takes an unclaimed connection back; false when the worker has claimed it. */
  takeBack(id: ConnectionId): boolean {
    return this.#offers.takeBack(id) && this.#offered.delete(id);
  }

  /** Takes back all that is unclaimed. */
  takeAllBack(): Connection[] {
    return [...this.#offered.values()].filter(({ id }) => this.takeBack(id));
  }

  /** Sends a control message, behind all that was sent before. */
  post(message: object): void {
    this.#lane.post(message);
  }

  /** Something came by the port. */
  heard(message: unknown): void {
    this.#lane.heard(message);
  }

  /**
   * The worker is gone or given up. Its clients get what it sent them, then they are closed. Returns what it had
   * not claimed, for another worker.
   */
  abandon(reason: CloseReason): Connection[] {
    this.#lane.close();
    const unclaimed = this.takeAllBack();
    // What is left on offer was claimed, and the worker did not live to say so.
    for (const connection of [...this.#offered.values()]) this.#claimed(connection.id);
    for (const end of [...this.#ends.values()]) end.abandon(reason);
    return unclaimed;
  }

  /** Closes every connection at once. */
  destroy(): void {
    for (const end of [...this.#ends.values()]) end.destroy();
  }

  #onFrame(kind: FrameKind, id: ConnectionId, payload: Buffer): void {
    if (kind === FRAME.open) throw errors.badFrame('an offer from a worker');
    if (kind === FRAME.skip) return;
    if (kind === FRAME.claim) {
      this.#claimed(id);
      return;
    }
    // A frame for a connection that is over is only late.
    const end = this.#ends.get(id);
    if (end) this.#forEnd(end, kind, payload);
  }

  #claimed(id: ConnectionId): void {
    const connection = this.#offered.get(id);
    if (connection === undefined || !this.#offers.settle(id))
      throw errors.badFrame(`a claim on ${id}, which is not on offer`);
    this.#offered.delete(id);
    const { clock, window, lingerTimeout, claimed } = this.#options;
    const end = new RelayEnd({
      connection,
      lane: this.#lane,
      clock,
      window,
      lingerTimeout,
      over: this.#over,
    });
    this.#ends.set(id, end);
    claimed(connection);
    end.start();
  }

  #forEnd(
    end: RelayEnd,
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
    }
  }

  #released(end: RelayEnd, payload: Buffer): void {
    const before = end.state;
    end.close(readClose(payload));
    if (before === 'open' || before === 'stream-closed') this.#options.released(end.connection);
  }
}
