import { type Duplex } from 'node:stream';
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { asError, closeFieldsOf } from '../../common/core/thrown.ts';
import { type CloseReason, type Millis } from '../../common/core/types.ts';
import { CreditWindow } from '../../common/wire/credit.ts';
import { FRAME } from '../../common/wire/frames.ts';
import { encodeJson, type CallFrame, type CloseFrame } from '../../common/wire/messages.ts';
import { AFTER, reasonOf, type ClosingState } from './closing.ts';
import { type Connection, type SocketCalls } from './connection.ts';
import { type ConnectionSide } from './connection-side.ts';
import { type Lane } from '../../common/lane/lane.ts';
import { READ_SIZE, readDirectly, type DirectReader } from './direct-read.ts';
import { GatheredBytes } from '../../common/lane/gathered-bytes.ts';
import { destroyStream, guarded, hasRead, hasWritten, isDestroyed } from '../../common/user-code/guarded.ts';
import { Sender, type SenderOwner } from '../../common/lane/sender.ts';
import { tellOwner, type StreamOwner } from './stream-events.ts';
import { hasLeft, heldBy, isDirect, unsentBy, writeThrough } from './write-through.ts';

export interface RelaySideOptions {
  readonly connection: Connection;
  readonly lane: Lane;
  readonly clock: Clock;
  /** Credit per direction, bytes. */
  readonly window: number;
  /** How long the peer may take nothing of the rest of the output once the worker has closed. */
  readonly lingerTimeout: Millis;
  /** Both sides are closed; told once. */
  readonly over: (end: RelaySide) => void;
}

// After everything is flushed and the end is sent, a peer that is still there has this long to end its side: closing
// with unread input would make the kernel reset the connection and could cost the peer the tail of our output.
// (Apache's SECONDS_TO_LINGER.)
const AFTER_FLUSH: Millis = 2_000;

// A system tells that a peer reads in steps of up to a third of its send buffer. A peer that was seen to take its time is
// waited for twice as long, and this many times `lingerTimeout` at most.
const MOST_PATIENCE = 10;

// Larger pieces are worth a system call of their own.
const GATHERED_UP_TO = 4_096;

const NOTHING = Buffer.alloc(0);

/** The main thread's end of one relayed connection: between its stream and the lane to the worker that claimed it. */
export class RelaySide implements ConnectionSide, SenderOwner, StreamOwner, DirectReader {
  readonly connection: Connection;
  readonly #stream: Duplex & SocketCalls;
  readonly #lane: Lane;
  readonly #clock: Clock;
  readonly #lingerTimeout: Millis;
  readonly #over: (end: RelaySide) => void;
  readonly #direct: boolean;
  readonly #sender: Sender;
  readonly #inflow: CreditWindow;
  /** Bytes that must find credit before the peer is read again. */
  readonly #nextRead: number;
  #state: ClosingState = 'open';
  #reason: CloseReason = 'ended';
  #error: string | undefined;
  #paused = false;
  /** From the worker, and not yet given to the stream: that holds some back, or this pass is not over. */
  #waiting: GatheredBytes | undefined;
  #wrote = false;
  /** Calls that the stream still owes: each comes when all that was written before it has left. */
  #owedCalls = 0;
  #ended = false;
  #received = 0;
  #granted = 0;
  #bytesRead = 0;
  #cancelLinger: Cancel | undefined;
  /** Since when the stream holds output back; and the longest that it has taken to let all of it go. */
  #blockedSince: Millis | undefined;
  #slowest: Millis = 0;

  constructor({ connection, lane, clock, window, lingerTimeout, over }: RelaySideOptions) {
    this.connection = connection;
    this.#stream = connection.stream;
    this.#direct = isDirect(connection.stream);
    this.#lane = lane;
    this.#clock = clock;
    this.#lingerTimeout = lingerTimeout;
    this.#over = over;
    this.#inflow = new CreditWindow(window);
    this.#nextRead = Math.min(READ_SIZE, window / 4);
    this.#sender = new Sender({ lane, id: connection.id, window, owner: this });
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
    return this.#received;
  }

  get moved(): number {
    return this.#bytesRead + this.#received - this.#unflushed;
  }

  /** Bytes from the worker that the stream has not flushed. */
  get #unflushed(): number {
    return heldBy(this.#stream) + (this.#waiting?.length ?? 0);
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
    this.#sender.end();
    this.#endedBothWays();
  }

  finished(): void {
    if (!this.#endedBothWays() && this.#state === 'lingering') this.#linger(AFTER_FLUSH);
  }

  failed(error: unknown): void {
    const { code, message } = closeFieldsOf(error);
    this.#fail('peer-error', code ?? message);
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
      destroyStream(this.#stream, asError(error));
    }
    return first;
  }

  /** All frames that had come are read. */
  passed(): void {
    this.#wrote = false;
    this.#flushed();
  }

  // The first bytes of a pass go out at once, as nearly always they are the only ones. Small ones behind them are joined,
  // or a handler that writes to many clients in turn would cost a system call for each piece. So is all that comes while
  // the peer does not read: a stream's entry for each piece costs a hundred times what a byte does.
  #write(payload: Buffer, atOnce: boolean): void {
    if (atOnce) this.#flush();
    if (!atOnce || this.#waiting || this.#mustWait()) {
      (this.#waiting ??= new GatheredBytes()).add(payload);
      return;
    }
    // Whether a socket holds bytes back shows only afterwards, and a callback for each write would cost more than that.
    writeThrough(this.#stream, this.#direct, payload, this.#direct ? undefined : this.#tellFlushed());
    this.#watchFlush();
  }

  // Output that somebody else has written is not waited for: nobody would tell when it has left. What comes behind it is
  // given to the stream, which tells of that.
  #mustWait(): boolean {
    return this.#owedCalls > 0 && heldBy(this.#stream) > 0;
  }

  #tellFlushed(): () => void {
    this.#owedCalls += 1;
    return () => {
      this.#owedCalls -= 1;
      this.#flushed();
    };
  }

  #watchFlush(): void {
    if (heldBy(this.#stream) === 0) return;
    this.#blockedSince ??= this.#clock.now();
    if (this.#owedCalls === 0) this.#stream.write(NOTHING, this.#tellFlushed());
  }

  /** Gives the stream what waits, unless it still holds some back. */
  #flush(): void {
    if (this.#waiting === undefined || this.#mustWait()) return;
    this.#writeWaiting(this.#direct ? undefined : this.#tellFlushed());
    this.#watchFlush();
  }

  #flushed(): void {
    if (this.#blockedSince !== undefined && heldBy(this.#stream) === 0) {
      this.#slowest = Math.max(this.#slowest, this.#clock.now() - this.#blockedSince);
      this.#blockedSince = undefined;
    }
    if (this.#waiting)
      guarded(this.#stream, () => {
        this.#flush();
      });
    this.#grantFlushed();
  }

  #writeWaiting(done?: () => void): void {
    const pieces = this.#waiting?.take() ?? [];
    this.#waiting = undefined;
    if (isDestroyed(this.#stream)) return;
    pieces.forEach((piece, index) => {
      this.#stream.write(piece, index === pieces.length - 1 ? done : undefined);
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    guarded(this.#stream, () => {
      this.#writeWaiting();
      this.#stream.end();
    });
  }

  grant(bytes: number): void {
    this.#sender.grant(bytes);
    this.drained();
  }

  /** There is credit again, or room: reads on if there is enough. */
  drained(): void {
    if (!this.#paused || this.#state !== 'open' || !this.#sender.allows(this.#nextRead)) return;
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
    if (this.#state === 'stream-closed' && this.#sender.pending > 0) this.#dropAndTell();
  }

  #fromPeer(chunk: Uint8Array, borrowed: boolean): void {
    this.#bytesRead += chunk.length;
    if (this.#state !== 'open') return;
    this.#sender.write(chunk, borrowed);
    // Before bytes have to wait: those that do are copied once more.
    if (this.#sender.allows(this.#nextRead)) return;
    this.#paused = true;
    guarded(this.#stream, () => this.#stream.pause());
  }

  #resume(): void {
    guarded(this.#stream, () => this.#stream.resume());
  }

  #grantFlushed(): void {
    const consumed = this.#received - this.#unflushed;
    const grant = this.#inflow.consumed(consumed - this.#granted);
    this.#granted = consumed;
    if (grant > 0 && this.#state === 'open') this.#lane.credit(this.connection.id, grant);
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

  #workerClosed(): void {
    const before = this.#state;
    this.#state = AFTER.worker[before];
    this.#sender.discard();
    if (before === 'stream-closed') this.#over(this);
    if (before === 'open') this.#lingerOn();
  }

  #lingerOn(): void {
    this.end();
    this.#resume();
    this.#linger(hasWritten(this.#stream) ? AFTER_FLUSH : this.#lingerTimeout);
  }

  /** Closes the stream after `time` in which the peer takes nothing. */
  #linger(time: Millis, again = false): void {
    this.#cancelLinger?.();
    const patience = Math.min(this.#slowest * 2, this.#lingerTimeout * MOST_PATIENCE);
    const before = unsentBy(this.#stream);
    const wait = Math.max(Math.min(time, this.#lingerTimeout), before.held > 0 ? patience : 0);
    const until = this.#clock.now() + wait;
    this.#cancelLinger = this.#clock.callAt(until, () => {
      const left = unsentBy(this.#stream);
      if (hasLeft(before, left)) this.#linger(time);
      // A host that was suspended or blocked has sent nothing meanwhile: it is not the peer who was slow. But only once,
      // for in a host that always blocks nothing would ever end.
      else if (!again && this.#clock.now() - until > wait / 4) this.#linger(time, true);
      else {
        if (left.held > 0) this.#fail('linger-timeout', undefined);
        destroyStream(this.#stream);
      }
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
    const inOrder = hasRead(this.#stream) && this.#reason === 'ended';
    if (inOrder && this.#sender.pending > 0) this.#tellWorker({ more: true });
    else this.#dropAndTell();
  }

  #dropAndTell(): void {
    this.#sender.discard();
    this.#tellWorker(this.#error === undefined ? undefined : { code: this.#error });
  }

  #tellWorker(frame: CloseFrame | undefined): void {
    this.#lane.control(FRAME.close, this.connection.id, frame && encodeJson(frame));
  }
}
