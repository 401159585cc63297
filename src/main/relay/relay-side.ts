/**
 * The main thread's side of one relayed connection: it joins the stream to the peer and the lane to the worker that
 * claimed the connection. The worker's side is its `RelaySocket`.
 */
import { type Duplex } from 'node:stream';
import { type Clock } from '../../common/core/clock.ts';
import { closeFieldsOf } from '../../common/core/thrown.ts';
import { type CloseReason, type Millis } from '../../common/core/types.ts';
import { type Lane } from '../../common/lane/lane.ts';
import { Sender, type SenderOwner } from '../../common/lane/sender.ts';
import { destroyStream, guarded, hasRead, hasWritten } from '../../common/user-code/guarded.ts';
import { CreditWindow } from '../../common/wire/credit.ts';
import { FRAME } from '../../common/wire/frames.ts';
import { encodeJson, type CallFrame, type CloseFrame } from '../../common/wire/messages.ts';
import { CLOSING, reasonOf, type Closer, type ClosingState, type ClosingTask } from './closing.ts';
import { type Connection, type SocketCalls } from './connection.ts';
import { type ConnectionSide } from './connection-side.ts';
import { READ_SIZE, readDirectly, type DirectReader } from './direct-read.ts';
import { AFTER_FLUSH, Linger, type Lingering } from './linger.ts';
import { tellOwner, type StreamOwner } from './stream-events.ts';
import { ToPeer, type PeerOwner } from './to-peer.ts';

export interface RelaySideOptions {
  readonly connection: Connection;
  readonly lane: Lane;
  readonly clock: Clock;
  /** Credit per direction, bytes. */
  readonly window: number;
  /** How long the peer may take nothing of the rest of the output once the worker has closed. */
  readonly lingerTimeout: Millis;
  /** Both sides are closed; told once. */
  readonly closed: (side: RelaySide) => void;
}

/** Bytes of the peer go to the worker within its credit; bytes of the worker go to the peer; each side's close to the other. */
export class RelaySide
  implements ConnectionSide, SenderOwner, StreamOwner, DirectReader, PeerOwner, Lingering
{
  readonly connection: Connection;
  readonly #stream: Duplex & SocketCalls;
  readonly #lane: Lane;
  readonly #clock: Clock;
  readonly #lingerTimeout: Millis;
  readonly #closedBothWays: (side: RelaySide) => void;
  readonly #toWorker: Sender;
  readonly #toPeer: ToPeer;
  readonly #fromWorker: CreditWindow;
  /** Bytes that must find credit before the peer is read again. */
  readonly #nextRead: number;
  #state: ClosingState = 'open';
  #reason: CloseReason = 'ended';
  #error: string | undefined;
  /** The peer is not read, because the worker allows no more for now. */
  #paused = false;
  #granted = 0;
  #bytesRead = 0;
  #linger: Linger | undefined;

  constructor({ connection, lane, clock, window, lingerTimeout, closed }: RelaySideOptions) {
    this.connection = connection;
    this.#stream = connection.stream;
    this.#lane = lane;
    this.#clock = clock;
    this.#lingerTimeout = lingerTimeout;
    this.#closedBothWays = closed;
    this.#fromWorker = new CreditWindow(window);
    this.#nextRead = Math.min(READ_SIZE, window / 4);
    this.#toWorker = new Sender({ lane, id: connection.id, window, owner: this });
    this.#toPeer = new ToPeer(connection.stream, clock, this);
  }

  get state(): ClosingState {
    return this.#state;
  }

  get reason(): CloseReason {
    return this.#reason;
  }

  get error(): string | undefined {
    return this.#error;
  }

  /** Bytes that came from the peer. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Bytes from the worker for the peer. */
  get bytesWritten(): number {
    return this.#toPeer.received;
  }

  get moved(): number {
    return this.#bytesRead + this.#toPeer.flushed;
  }

  get slowest(): Millis {
    return this.#toPeer.slowest;
  }

  /** The worker has claimed the connection: its bytes may flow. */
  start(): void {
    const stream = this.#stream;
    guarded(stream, () => {
      tellOwner(stream, this);
      if (readDirectly(stream, this)) return;
      stream.on('data', (chunk: Uint8Array) => {
        this.#fromPeer(chunk, false);
      });
    });
    this.#resume();
  }

  read(bytes: Uint8Array): void {
    this.#fromPeer(bytes, true);
  }

  ended(): void {
    this.#toWorker.end();
    this.#endedBothWays();
  }

  finished(): void {
    if (!this.#endedBothWays() && this.#state === 'lingering') this.#lingering.wait(AFTER_FLUSH);
  }

  failed(error: unknown): void {
    const { code, message } = closeFieldsOf(error);
    this.#fail('peer-error', code ?? message);
  }

  /** Bytes from the worker. Returns true when the caller must call `passed` after the last frame for now. */
  data(payload: Buffer): boolean {
    this.#fromWorker.received(payload.length);
    this.#toPeer.count(payload.length);
    if (this.#state !== 'open' || this.#toPeer.ended) return false;
    return this.#toPeer.write(payload);
  }

  /** All frames that had come are read. */
  passed(): void {
    this.#toPeer.passed();
  }

  /** The worker may send as much again as has left for the peer. */
  flushed(): void {
    const { flushed } = this.#toPeer;
    const grant = this.#fromWorker.consumed(flushed - this.#granted);
    this.#granted = flushed;
    if (grant > 0 && this.#state === 'open') this.#lane.credit(this.connection.id, grant);
  }

  end(): void {
    this.#toPeer.end();
  }

  grant(bytes: number): void {
    this.#toWorker.grant(bytes);
    this.drained();
  }

  /** There is credit again, or room: reads on if there is enough. */
  drained(): void {
    if (!this.#paused || this.#state !== 'open' || !this.#toWorker.allows(this.#nextRead)) return;
    this.#paused = false;
    this.#resume();
  }

  call(frame: CallFrame): void {
    guarded(this.#stream, () => {
      if (frame.call === 'noDelay') this.#stream.setNoDelay?.(frame.enable);
      else this.#stream.setKeepAlive?.(frame.enable, frame.delay);
    });
  }

  /** The worker's socket is closed. */
  close(frame: CloseFrame): void {
    if (frame.handler === true || frame.dropped !== undefined)
      this.#fail(reasonOf(frame), frame.code ?? frame.message);
    this.#workerClosed();
  }

  reset(): void {
    this.#fail('reset', undefined);
    try {
      // Only TCP can be reset: a Unix socket has the method, and throws.
      this.#stream.resetAndDestroy?.();
    } catch {
      // Then it is closed in the way that it can be.
    }
    destroyStream(this.#stream);
  }

  /** The worker is gone, or will never speak again: its output so far is still delivered, then the connection closes. */
  abandon(reason: CloseReason): void {
    if (this.#state === 'open') this.#fail(reason, undefined);
    this.#workerClosed();
  }

  timeOut(reason: CloseReason): void {
    if (this.#state !== 'open' && this.#state !== 'stream-closed') return;
    this.#fail(reason, 'ETIMEDOUT');
    if (this.#state === 'open') destroyStream(this.#stream);
    // The peer has closed, and its last bytes wait for a handler that does not read them.
    else this.#dropAndTell();
  }

  /** Closes the stream at once. */
  destroy(): void {
    destroyStream(this.#stream);
    if (this.#state === 'stream-closed' && this.#toWorker.pending > 0) this.#dropAndTell();
  }

  closed(): void {
    this.#linger?.stop();
    const task = this.#closes('stream');
    if (task === 'closed') this.#closedBothWays(this);
    if (task === 'tell') this.#tellClosed();
  }

  gaveUp(unsent: number): void {
    if (unsent > 0) this.#fail('linger-timeout', undefined);
    destroyStream(this.#stream);
  }

  #closes(side: Closer): ClosingTask {
    const { to, task } = CLOSING[side][this.#state];
    this.#state = to;
    return task;
  }

  #workerClosed(): void {
    const task = this.#closes('worker');
    this.#toWorker.discard();
    if (task === 'closed') this.#closedBothWays(this);
    if (task === 'linger') this.#lingerOn();
  }

  #lingerOn(): void {
    this.end();
    this.#resume();
    this.#lingering.wait(hasWritten(this.#stream) ? AFTER_FLUSH : this.#lingerTimeout);
  }

  get #lingering(): Linger {
    return (this.#linger ??= new Linger(this.#stream, this.#clock, this.#lingerTimeout, this));
  }

  #fromPeer(chunk: Uint8Array, borrowed: boolean): void {
    this.#bytesRead += chunk.length;
    if (this.#state !== 'open') return;
    this.#toWorker.write(chunk, borrowed);
    // Before bytes have to wait: those that do are copied once more.
    if (this.#toWorker.allows(this.#nextRead)) return;
    this.#paused = true;
    guarded(this.#stream, () => this.#stream.pause());
  }

  #resume(): void {
    guarded(this.#stream, () => this.#stream.resume());
  }

  #endedBothWays(): boolean {
    const both = hasRead(this.#stream) && hasWritten(this.#stream);
    if (both) destroyStream(this.#stream);
    return both;
  }

  #fail(reason: CloseReason, error: string | undefined): void {
    if (this.#reason !== 'ended') return;
    this.#reason = reason;
    this.#error = error;
  }

  // A peer that ended in order may leave bytes for which the worker has no credit yet. The close goes before them: a worker
  // that waits until it may write, and reads nothing until then, would never grant that credit.
  #tellClosed(): void {
    const inOrder = hasRead(this.#stream) && this.#reason === 'ended';
    if (inOrder && this.#toWorker.pending > 0) this.#tellWorker({ more: true });
    else this.#dropAndTell();
  }

  #dropAndTell(): void {
    this.#toWorker.discard();
    this.#tellWorker(this.#error === undefined ? undefined : { code: this.#error });
  }

  #tellWorker(frame: CloseFrame | undefined): void {
    this.#lane.control(FRAME.close, this.connection.id, frame && encodeJson(frame));
  }
}
