/** The readable half of a relayed connection. Runs in a worker. */
import { type LeaseId } from '../../common/wire/leases.ts';
import { type Lane } from '../../common/lane/lane.ts';
import { ownBytes } from '../../common/lane/own-bytes.ts';
import { CreditWindow } from '../../common/wire/credit.ts';
import { joinPieces } from './join-pieces.ts';
import { SocketSurface, type SurfaceOptions } from './socket-surface.ts';

export interface RelayInputOptions extends SurfaceOptions {
  readonly lane: Lane;
  /** The number in the frames of this connection. */
  readonly lease: LeaseId;
  /** Credit per direction, bytes. */
  readonly window: number;
}

/** Gives handlers the bytes that come for a connection, and grants credit for the bytes that they have read. */
export abstract class RelayInput extends SocketSurface {
  /** @internal The number in the frames of this connection. */
  readonly lease: LeaseId;
  readonly #lane: Lane;
  readonly #inflow: CreditWindow;
  #unread = 0;
  /** Bytes that came in this lease, modulo 2^32. */
  #taken = 0;
  /** Chunks that wait to be read, at most. */
  #pieces = 0;

  constructor(options: RelayInputOptions) {
    super(options);
    this.lease = options.lease;
    this.#lane = options.lane;
    this.#inflow = new CreditWindow(options.window);
  }

  /** @internal Bytes that came in this lease, modulo 2^32. */
  get taken(): number {
    return this.#taken;
  }

  /** @internal Bytes came for this socket. */
  receive(payload: Buffer): void {
    this.#inflow.received(payload.length);
    this.#taken = (this.#taken + payload.length) | 0;
    if (this.destroyed || this.readableEnded) return;
    this.bytesRead += payload.length;
    this.#unread += payload.length;
    this.active();
    const chunk = ownBytes(payload);
    let consumed = true;
    try {
      if (this.#flowsFreely()) this.emit('data', chunk);
      else consumed = this.#buffer(chunk);
    } finally {
      // A listener that throws has had the chunk; without credit nothing would ever come again.
      if (consumed) this.#consumed();
    }
  }

  override _read(): void {
    this.#consumed();
  }

  #buffer(chunk: Buffer): boolean {
    const goOn = this.push(chunk);
    if (this.readableLength > chunk.length) this.#pieces = joinPieces(this, this.#pieces + 1);
    else this.#pieces = 1;
    return goOn;
  }

  // A push would only hand the chunk on then, and look in a later tick whether more is to be read: a third of its cost. The
  // very first chunk is pushed, because the stream notes that it has been read.
  #flowsFreely(): boolean {
    return (
      this.readableDidRead &&
      this.readableFlowing === true &&
      this.readableLength === 0 &&
      this.readableEncoding === null &&
      this.listenerCount('data') > 0
    );
  }

  #consumed(): void {
    const bytes = this.#unread;
    if (bytes === 0) return;
    this.#unread = 0;
    const grant = this.#inflow.consumed(bytes);
    if (grant > 0 && !this.destroyed) this.#lane.credit(this.lease, grant);
  }
}
