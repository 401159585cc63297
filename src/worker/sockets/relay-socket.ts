/** A relayed connection as its handlers get it. Runs in a worker. */
import { closeFieldsOf } from '../../common/core/thrown.ts';
import { type Millis } from '../../common/core/types.ts';
import { FRAME } from '../../common/wire/frames.ts';
import { encodeJson, type CloseFrame } from '../../common/wire/messages.ts';
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
  /** The socket is closed and has said so; told once. */
  readonly closed: (socket: RelaySocket) => void;
}

type WriteDone = (error?: Error | null) => void;

/**
 * A relayed connection in its worker, with the surface of a `net.Socket` as far as it can have it. Bytes written
 * count as delivered once the main thread has them; a reset, an error or a half-close of the peer shows as on a
 * real socket.
 */
export class RelaySocket extends RelayInput implements SenderOwner {
  readonly #lane: Lane;
  readonly #sender: Sender;
  readonly #closed: (socket: RelaySocket) => void;
  /** Bytes that may wait before a further write. */
  readonly maxOutput: number;
  /** Made when something waits: most sockets never need it. */
  #bound: OutputBound | undefined;
  #dispatched = 0;
  #inFlight = 0;
  #inFlightWrites = 0;
  #writeDone: WriteDone | undefined;
  // Three flags and no stages, since they exclude nothing: each can be set in every state of the stream.
  #peerClosed = false;
  #resetting = false;
  #noDelay: boolean;

  constructor(options: RelaySocketOptions) {
    super(options);
    const { id, lane, window, maxOutput, noDelay, closed } = options;
    this.#lane = lane;
    this.#closed = closed;
    this.maxOutput = maxOutput;
    this.#noDelay = noDelay;
    this.#sender = new Sender({ lane, id, window, owner: this });
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
    if (wanted === this.#noDelay) return this;
    this.#noDelay = wanted;
    this.#lane.control(FRAME.call, this.connectionId, encodeJson({ call: 'noDelay', enable: wanted }));
    return this;
  }

  setKeepAlive(enable: unknown = false, delay: Millis = 0): this {
    const wait = Number.isFinite(delay) ? Math.max(0, delay) : 0;
    const frame = encodeJson({ call: 'keepAlive', enable: Boolean(enable), delay: wait });
    this.#lane.control(FRAME.call, this.connectionId, frame);
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
    if (this.writableCorked === 0) this.#bound?.corked();
    super.cork();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    if (this.#peerClosed) {
      done(networkError('EPIPE'));
      return;
    }
    this.active();
    this.#dispatched += chunk.length;
    this.#took(this.#sender.write(chunk), chunk.length, 1, done);
  }

  override _writev(writes: { chunk: Buffer; encoding: BufferEncoding }[], done: WriteDone): void {
    if (this.#peerClosed) {
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
    this.#sender.end();
    // Shutting down a handle takes a turn of the loop; code that runs meanwhile expects no 'finish' yet.
    setImmediate(done);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    try {
      this.#close(error);
    } finally {
      const writeDone = this.#writeDone;
      this.#landed();
      this.#closed(this);
      super._destroy(error, done);
      writeDone?.(error ?? new Error('The socket was closed before all was written'));
    }
  }

  #close(error: Error | null): void {
    const reset = this.#resetting && !this.#peerClosed;
    if (this.#peerClosed || reset) this.#sender.discard();
    if (reset) this.#lane.control(FRAME.reset, this.connectionId);
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
