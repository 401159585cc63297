/** A relayed connection as its handlers get it. Runs in a worker. */
import { closeFieldsOf } from '../../common/core/thrown.ts';
import { type Millis } from '../../common/core/types.ts';
import { type Slot } from '../../common/wire/leases.ts';
import { FRAME } from '../../common/wire/frames.ts';
import { encodeJson, type CloseFrame, type Resumed } from '../../common/wire/messages.ts';
import { callUser } from '../../common/user-code/call-user.ts';
import { inCallersContext } from '../../common/user-code/scope.ts';
import { type Lane } from '../../common/lane/lane.ts';
import { Sender, type SenderOwner } from '../../common/lane/sender.ts';
import { mustWait, OutputBound } from './output-bound.ts';
import { RelayInput, type RelayInputOptions } from './relay-input.ts';
import { networkError } from './socket-errors.ts';

export interface RelaySocketOptions extends RelayInputOptions {
  /**
   * Bytes that may wait before a further write; past it the socket is destroyed with `FORKLESS_OUTPUT_OVERFLOW`.
   */
  readonly maxOutput: number;
  /** Whether the connection has `noDelay` already. */
  readonly noDelay: boolean;
  /** What its life at other workers has left; `undefined` where it had none. */
  readonly resumed?: Resumed | undefined;
  /** Where its lease is. */
  readonly slot: Slot;
  /** Who decides about its place. */
  readonly keeper: SocketKeeper;
}

/** Whoever has the sockets of this worker. */
export interface SocketKeeper {
  /** The worker leaves, and connections at rest go to other workers. */
  readonly moves: boolean;
  /** The socket is closed and has said so; told once. */
  closed(socket: RelaySocket): void;
  /** Nothing is under way on the connection any more: it may come to rest at the end of this turn. */
  settled(socket: RelaySocket): void;
  /** Takes a connection at rest up again; false where the main thread has it. */
  takeUp(socket: RelaySocket): boolean;
}

/**
 * Where a connection is. `busy`: it is served here. `settled`: nothing is under way any more. `resting`: it is at rest, and
 * the main thread may take it. `gone`: the main thread has it, and nothing is said of it any more.
 */
type Place = 'busy' | 'settled' | 'resting' | 'gone';

type WriteDone = (error?: Error | null) => void;

/**
 * A relayed connection in its worker, with the surface of a `net.Socket` as far as it can have it. Bytes written
 * count as delivered once the main thread has them; a reset, an error or a half-close of the peer shows as on a
 * real socket.
 */
export class RelaySocket extends RelayInput implements SenderOwner {
  readonly #lane: Lane;
  readonly #sender: Sender;
  readonly #keeper: SocketKeeper;
  /** @internal Where its lease is. */
  readonly slot: Slot;
  #place: Place = 'busy';
  /** Bytes that may wait before a further write. */
  readonly maxOutput: number;
  /** Made when something waits: most sockets never need it. */
  #bound: OutputBound | undefined;
  #dispatched = 0;
  #inFlight = 0;
  #inFlightWrites = 0;
  #writeDone: WriteDone | undefined;
  // Four flags and no stages, since they exclude nothing: each can be set in every state of the stream.
  #peerClosed = false;
  #inputEnded = false;
  #resetting = false;
  /** `undefined` where another worker may have changed it. */
  #noDelay: boolean | undefined;

  constructor(options: RelaySocketOptions) {
    super(options);
    const { lease, lane, window, maxOutput, noDelay, resumed, slot, keeper } = options;
    this.#lane = lane;
    this.#keeper = keeper;
    this.slot = slot;
    this.maxOutput = maxOutput;
    this.#noDelay = resumed ? undefined : noDelay;
    this.#sender = new Sender({ lane, id: lease, window, credit: resumed?.credit, owner: this });
    if (!resumed) return;
    this.bytesRead = resumed.read;
    this.#dispatched = resumed.written;
  }

  /** @internal Whether it goes to another worker once it is at rest, since this one leaves. */
  get moves(): boolean {
    return this.#keeper.moves;
  }

  /** @internal Whether nothing is under way on it. */
  get settled(): boolean {
    return this.#place === 'settled' || this.#place === 'resting';
  }

  /** @internal Whether the main thread may take it. */
  get resting(): boolean {
    return this.#place === 'resting';
  }

  /**
   * @internal Nothing is under way on the connection: all that its handlers know of it can be forgotten. It may come to rest,
   * and be served by another worker from then on. It is busy again when anything comes or is written.
   */
  settle(): void {
    // The main thread may not know of the claim before something has come. Bytes that wait are still to be handled.
    if (this.taken === 0 || this.readableLength > 0 || this.#place !== 'busy' || this.destroyed) return;
    this.#place = 'settled';
    this.#keeper.settled(this);
  }

  /** @internal Comes to rest if it still may; all that it wrote is published. Returns whether it does. */
  rest(): boolean {
    if (this.#place !== 'settled') return false;
    const may = !this.destroyed && this.#hasNothing();
    this.#place = may ? 'resting' : 'busy';
    return may;
  }

  // A peer that has ended is none that comes back, and its end is told once.
  #hasNothing(): boolean {
    const { readableLength, writableLength, writableEnded } = this;
    const ended = this.#inputEnded || this.#peerClosed || writableEnded;
    return readableLength === 0 && writableLength === 0 && this.#sender.pending === 0 && !ended;
  }

  /** @internal Something comes or is to be sent. False: the connection is somebody else's by now, and this socket is over. */
  takeUp(): boolean {
    if (this.#place === 'busy') return true;
    if (this.#place === 'gone') return false;
    if (this.#place === 'settled' || this.#keeper.takeUp(this)) {
      this.#place = 'busy';
      return true;
    }
    this.vanish();
    return false;
  }

  /** @internal The main thread has the connection: this socket closes, and says nothing of it. */
  vanish(): void {
    this.#place = 'gone';
    this.destroy();
  }

  /** The cost of the writes that wait, in bytes. */
  get outputCost(): number {
    return this.#bound?.cost ?? this.writableLength;
  }

  protected override get dispatched(): number {
    return this.#dispatched;
  }

  protected override get inFlight(): number {
    return this.#inFlight;
  }

  setNoDelay(enable: unknown = true): this {
    const wanted = Boolean(enable);
    if (wanted === this.#noDelay || !this.takeUp()) return this;
    this.#noDelay = wanted;
    this.#lane.control(FRAME.call, this.lease, encodeJson({ call: 'noDelay', enable: wanted }));
    return this;
  }

  setKeepAlive(enable: unknown = false, delay: Millis = 0): this {
    if (!this.takeUp()) return this;
    const wait = Number.isFinite(delay) ? Math.max(0, delay) : 0;
    const frame = encodeJson({ call: 'keepAlive', enable: Boolean(enable), delay: wait });
    this.#lane.control(FRAME.call, this.lease, frame);
    return this;
  }

  /** Closes with a TCP reset where the connection is TCP. */
  resetAndDestroy(): this {
    this.#resetting = true;
    return this.destroy();
  }

  /** @internal The peer has ended its side. */
  receiveEnd(): void {
    if (this.destroyed) return;
    this.#inputEnded = true;
    if (this.#peerClosed) this.#closeInOrder();
    else this.push(null);
  }

  /** @internal The connection is closed on the main thread's side. */
  receiveClose(frame: CloseFrame): void {
    this.#peerClosed = true;
    if (frame.code !== undefined) {
      this.destroy(networkError(frame.code));
      return;
    }
    const waiting = this.#writeDone;
    this.#sender.discard();
    this.#landed();
    if (waiting) waiting(networkError('EPIPE'));
    else if (frame.more !== true) this.#closeInOrder();
  }

  /** @internal The main thread grants credit. */
  receiveCredit(bytes: number): void {
    this.active();
    this.#sender.grant(bytes);
  }

  override write(chunk: unknown, encoding?: BufferEncoding | WriteDone, done?: WriteDone): boolean {
    if (this.#place !== 'busy') this.takeUp();
    const rest = encoding === undefined && done === undefined ? this.#sendNow(chunk) : chunk;
    return rest === undefined || this.#write(rest, encoding, done);
  }

  #write(rest: unknown, encoding?: BufferEncoding | WriteDone, done?: WriteDone): boolean {
    const before = this.writableLength;
    const waits = mustWait(this, rest, this.#bound);
    const goOn =
      typeof encoding === 'string' ? super.write(rest, encoding, done) : super.write(rest, encoding ?? done);
    if (waits || this.writableLength > 0)
      (this.#bound ??= new OutputBound(this, this.maxOutput)).wrote(this.writableLength - before);
    return goOn;
  }

  override cork(): void {
    if (this.#place !== 'busy') this.takeUp();
    if (this.writableCorked === 0) this.#bound?.corked();
    super.cork();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    // The last chunk comes from `end` without a `write`.
    if (this.#peerClosed || !this.takeUp()) {
      done(networkError('EPIPE'));
      return;
    }
    this.active();
    this.#dispatched += chunk.length;
    this.#took(this.#sender.write(chunk), chunk.length, 1, done);
  }

  override _writev(writes: { chunk: Buffer; encoding: BufferEncoding }[], done: WriteDone): void {
    if (this.#peerClosed || !this.takeUp()) {
      done(networkError('EPIPE'));
      return;
    }
    this.active();
    let taken = true;
    let bytes = 0;
    for (const { chunk } of writes) {
      bytes += chunk.length;
      taken = this.#sender.write(chunk) && taken;
    }
    this.#dispatched += bytes;
    this.#took(taken, bytes, writes.length, done);
  }

  #took(taken: boolean, bytes: number, writes: number, done: WriteDone): void {
    if (taken) {
      // A write that found the socket idle was not counted; then no other is, either.
      this.#bound?.left(writes);
      done();
      return;
    }
    this.#inFlight = bytes;
    this.#inFlightWrites = writes;
    this.#writeDone = inCallersContext(done);
  }

  override _final(done: WriteDone): void {
    if (this.takeUp()) this.#sender.end();
    // Shutting down a handle takes a turn of the loop; code that runs meanwhile expects no 'finish' yet.
    setImmediate(done);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    try {
      this.#leave(error);
    } finally {
      const writeDone = this.#writeDone;
      this.#landed();
      this.#keeper.closed(this);
      super._destroy(error, done);
      writeDone?.(error ?? new Error('The socket was closed before all was written'));
    }
  }

  #leave(error: Error | null): void {
    if (this.#place === 'settled') this.#place = 'busy';
    // Nobody here may touch it, if the main thread has taken it.
    if (this.#place === 'resting' && !this.#keeper.takeUp(this)) this.#place = 'gone';
    if (this.#place === 'gone') this.#sender.discard();
    else this.#close(error);
  }

  #close(error: Error | null): void {
    const reset = this.#resetting && !this.#peerClosed;
    if (this.#peerClosed || reset) this.#sender.discard();
    if (reset) this.#lane.control(FRAME.reset, this.lease);
    this.#sender.close((dropped) => {
      const lost = dropped + this.writableLength - this.#inFlight;
      const why = this.#peerClosed ? undefined : closeFrame(error, lost);
      return why && encodeJson(why);
    });
  }

  // The socket closes only when the bytes that came before the close are read.
  #closeInOrder(): void {
    if (this.readableEnded || this.destroyed) {
      this.#closeBehindFinish();
      return;
    }
    if (!this.readableFlowing && this.readableLength === 0) this.resume();
    this.push(null);
    this.once('end', () => {
      this.#closeBehindFinish();
    });
  }

  // A side that is ending closes by itself, behind its 'finish'.
  #closeBehindFinish(): void {
    if (this.writableFinished || (this.allowHalfOpen && !this.writableEnded)) this.destroy();
  }

  // Bytes that leave at once need none of a stream's bookkeeping, which is most of the cost of a small write. Returns the
  // rest of the chunk.
  #sendNow(chunk: unknown): unknown {
    if (!(chunk instanceof Uint8Array) || chunk.length >= this.writableHighWaterMark || !this.#isIdle())
      return chunk;
    const sent = this.#sender.sendNow(chunk);
    if (sent === 0) return chunk;
    this.active();
    this.#dispatched += sent;
    return sent === chunk.length ? undefined : chunk.subarray(sent);
  }

  #isIdle(): boolean {
    return this.writable && this.writableLength === 0 && this.writableCorked === 0 && !this.#peerClosed;
  }

  /** @internal All that had to wait is sent. */
  drained(): void {
    const done = this.#writeDone;
    this.#bound?.left(this.#inFlightWrites);
    this.#landed();
    if (done) callUser(done);
  }

  #landed(): void {
    this.#writeDone = undefined;
    this.#inFlight = 0;
    this.#inFlightWrites = 0;
  }
}

// The parameter is typed as an error, but a handler may give any value to `destroy()`.
function closeFrame(error: unknown, dropped: number): CloseFrame | undefined {
  if (error === null) return dropped > 0 ? { dropped } : undefined;
  return { ...closeFieldsOf(error), handler: true };
}
