import { type Duplex } from 'node:stream';
import { type Cancel, type Clock } from '../core/clock.ts';
import { type CloseReason, type Millis } from '../core/types.ts';
import { CreditWindow } from '../wire/credit.ts';
import { FRAME } from '../wire/frames.ts';
import { encodeJson, type CallFrame, type CloseFrame } from '../wire/messages.ts';
import { type Connection, type SocketCalls } from './connection.ts';
import { type ConnectionEnd } from './connection-end.ts';
import { type Lane } from './lane.ts';
import { READ_SIZE, readDirectly, type DirectReader } from './direct-read.ts';
import { destroyStream, guarded } from './guarded.ts';
import { Outflow, type OutflowOwner } from './outflow.ts';
import { ownBytes } from './own-bytes.ts';
import { tellOwner, type StreamOwner } from './stream-events.ts';
import { isDirect, writeThrough } from './write-through.ts';

export interface RelayEndOptions {
  readonly connection: Connection;
  readonly lane: Lane;
  readonly clock: Clock;
  /** Credit per direction, bytes. */
  readonly window: number;
  /** How long the peer gets to take the rest of the output once the worker has closed. */
  readonly lingerTimeout: Millis;
  /** Both sides are closed; told once. */
  readonly over: (end: RelayEnd) => void;
}

/**
 * Which sides are closed. The worker's closing first leaves output to deliver (lingering); the stream's closing
 * first leaves the worker to be told.
 */
export type ClosingState = 'open' | 'lingering' | 'stream-closed' | 'closed';

const AFTER: Readonly<Record<'worker' | 'stream', Readonly<Record<ClosingState, ClosingState>>>> = {
  worker: { open: 'lingering', lingering: 'lingering', 'stream-closed': 'closed', closed: 'closed' },
  stream: { open: 'stream-closed', lingering: 'closed', 'stream-closed': 'stream-closed', closed: 'closed' },
};

// After everything is flushed and the end is sent, a peer that is still there has this long to end its side: closing
// with unread input would make the kernel reset the connection and could cost the peer the tail of our output.
// (Apache's SECONDS_TO_LINGER.)
const AFTER_FLUSH: Millis = 2_000;

// Larger pieces are worth a system call of their own.
const GATHERED_UP_TO = 4_096;

/** The main thread's end of one relayed connection: between its stream and the lane to the worker that claimed it. */
export class RelayEnd implements ConnectionEnd, OutflowOwner, StreamOwner, DirectReader {
  readonly connection: Connection;
  readonly #stream: Duplex & SocketCalls;
  readonly #lane: Lane;
  readonly #clock: Clock;
  readonly #lingerTimeout: Millis;
  readonly #over: (end: RelayEnd) => void;
  readonly #direct: boolean;
  readonly #outflow: Outflow;
  readonly #inflow: CreditWindow;
  /** Bytes that must find credit before the peer is read again. */
  readonly #nextRead: number;
  #state: ClosingState = 'open';
  #reason: CloseReason = 'ended';
  #error: string | undefined;
  #paused = false;
  #corked = false;
  #wrote = false;
  #ended = false;
  #received = 0;
  #granted = 0;
  #bytesRead = 0;
  #cancelLinger: Cancel | undefined;

  constructor({ connection, lane, clock, window, lingerTimeout, over }: RelayEndOptions) {
    this.connection = connection;
    this.#stream = connection.stream;
    this.#direct = isDirect(connection.stream);
    this.#lane = lane;
    this.#clock = clock;
    this.#lingerTimeout = lingerTimeout;
    this.#over = over;
    this.#inflow = new CreditWindow(window);
    this.#nextRead = Math.min(READ_SIZE, window / 4);
    this.#outflow = new Outflow(lane, connection.id, window, this);
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

  /** Bytes given to the stream for the peer. */
  get bytesWritten(): number {
    return this.#received;
  }

  get moved(): number {
    return this.#bytesRead + this.#received - this.#stream.writableLength;
  }

  /** The worker has claimed the connection: its bytes may flow. */
  start(): void {
    const stream = this.#stream;
    if (!readDirectly(stream, this))
      stream.on('data', (chunk: Uint8Array) => {
        this.#fromPeer(chunk, false);
      });
    tellOwner(stream, this);
    this.#resume();
  }

  read(bytes: Uint8Array): void {
    this.#fromPeer(bytes, true);
  }

  ended(): void {
    this.#outflow.end();
    this.#endedBothWays();
  }

  finished(): void {
    if (this.#state === 'lingering') this.#linger(AFTER_FLUSH);
    this.#endedBothWays();
  }

  failed(error: Error): void {
    this.#fail('peer-error', 'code' in error && typeof error.code === 'string' ? error.code : error.message);
  }

  /** Bytes from the worker. Returns true when the caller must call `passed` after the last frame for now. */
  data(payload: Buffer): boolean {
    this.#inflow.received(payload.length);
    this.#received += payload.length;
    if (this.#state !== 'open' || this.#ended) return false;
    const first = !this.#wrote;
    this.#wrote = true;
    try {
      this.#write(payload, first || payload.length > GATHERED_UP_TO);
    } catch (error) {
      destroyStream(this.#stream, error);
    }
    return first;
  }

  /** All frames that had come are read. */
  passed(): void {
    this.#wrote = false;
    if (this.#corked)
      guarded(this.#stream, () => {
        this.#uncork();
      });
    this.#grantFlushed();
  }

  // The first bytes of a pass go out at once, as nearly always they are the only ones; small ones behind them
  // are gathered, or a handler that writes to many clients in turn would cost a system call for each piece.
  #write(payload: Buffer, atOnce: boolean): void {
    const done = this.#inflow.isHalfUsed
      ? (): void => {
          this.#grantFlushed();
        }
      : undefined;
    if (atOnce) {
      this.#uncork();
      writeThrough(this.#stream, this.#direct, payload, done);
      return;
    }
    if (!this.#corked) this.#stream.cork();
    this.#corked = true;
    this.#stream.write(ownBytes(payload), done);
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#stream.uncork();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    guarded(this.#stream, () => this.#stream.end());
  }

  grant(bytes: number): void {
    this.#outflow.grant(bytes);
    this.drained();
  }

  /** There is credit again, or room: reads on if there is enough. */
  drained(): void {
    if (!this.#paused || this.#state !== 'open' || !this.#outflow.allows(this.#nextRead)) return;
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
    if (frame.handler === true) this.#fail('handler-error', frame.code ?? frame.message);
    this.#workerClosed();
  }

  reset(): void {
    try {
      // Only TCP can be reset: a Unix socket has the method, and throws.
      this.#stream.resetAndDestroy?.();
    } catch {
      // Then it is closed in the way that it can be.
    }
    destroyStream(this.#stream);
  }

  /** The worker is gone, or will never speak again: what it sent is still delivered, then the connection closes. */
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
    if (this.#state === 'stream-closed' && this.#outflow.pending > 0) this.#dropAndTell();
  }

  #fromPeer(chunk: Uint8Array, borrowed: boolean): void {
    this.#bytesRead += chunk.length;
    if (this.#state !== 'open') return;
    const sent = this.#outflow.write(chunk, borrowed);
    // Before bytes have to wait: those that do are copied once more.
    if (sent && this.#outflow.allows(this.#nextRead)) return;
    this.#paused = true;
    guarded(this.#stream, () => this.#stream.pause());
  }

  #resume(): void {
    guarded(this.#stream, () => this.#stream.resume());
  }

  #grantFlushed(): void {
    const consumed = this.#received - this.#stream.writableLength;
    const grant = this.#inflow.consumed(consumed - this.#granted);
    this.#granted = consumed;
    if (grant > 0 && this.#state === 'open') this.#lane.credit(this.connection.id, grant);
  }

  #endedBothWays(): void {
    if (this.#stream.readableEnded && this.#stream.writableFinished) destroyStream(this.#stream);
  }

  #fail(reason: CloseReason, error: string | undefined): void {
    if (this.#reason !== 'ended') return;
    this.#reason = reason;
    this.#error = error;
  }

  #workerClosed(): void {
    const before = this.#state;
    this.#state = AFTER.worker[before];
    this.#outflow.discard();
    if (before === 'stream-closed') this.#over(this);
    if (before === 'open') this.#lingerOn();
  }

  #lingerOn(): void {
    this.end();
    this.#resume();
    this.#linger(this.#stream.writableFinished ? AFTER_FLUSH : this.#lingerTimeout);
  }

  #linger(time: Millis, again = false): void {
    this.#cancelLinger?.();
    const wait = Math.min(time, this.#lingerTimeout);
    const until = this.#clock.now() + wait;
    this.#cancelLinger = this.#clock.callAt(until, () => {
      // A host that was suspended or blocked has sent nothing meanwhile: it is not the peer who was slow. But only once,
      // for in a host that always blocks nothing would ever end.
      if (!again && this.#clock.now() - until > wait / 4) this.#linger(wait, true);
      else destroyStream(this.#stream);
    });
  }

  closed(): void {
    const before = this.#state;
    this.#state = AFTER.stream[before];
    this.#cancelLinger?.();
    if (before === 'lingering') this.#over(this);
    if (before !== 'open') return;
    // A peer that ended in order may leave bytes that the worker has no credit for yet. The close goes before them:
    // a worker that waits to write, and reads nothing until then, would never grant that credit.
    const inOrder = this.#stream.readableEnded && this.#reason === 'ended';
    if (inOrder && this.#outflow.pending > 0) this.#tellWorker({ more: true });
    else this.#dropAndTell();
  }

  #dropAndTell(): void {
    this.#outflow.discard();
    this.#tellWorker(this.#error === undefined ? undefined : { code: this.#error });
  }

  #tellWorker(frame: CloseFrame | undefined): void {
    this.#lane.control(FRAME.close, this.connection.id, frame && encodeJson(frame));
  }
}
