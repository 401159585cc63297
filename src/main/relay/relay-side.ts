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
import { type LeaseId } from '../../common/wire/leases.ts';
import { encodeJson, type CallFrame, type CloseFrame, type Resumed } from '../../common/wire/messages.ts';
import { CLOSING, reasonOf, type Closer, type ClosingState, type ClosingTask } from './closing.ts';
import { type Connection, type SocketCalls } from './connection.ts';
import { type ConnectionSide } from './connection-side.ts';
import { READ_SIZE, readDirectly, type DirectReader } from './direct-read.ts';
import { NOWHERE } from './nowhere.ts';
import { AFTER_FLUSH, Linger, type Lingering } from './linger.ts';
import { tellOwner, type StreamOwner } from './stream-events.ts';
import { ToPeer, type PeerOwner } from './to-peer.ts';

export interface RelaySideOptions {
  readonly connection: Connection;
  readonly seat: Seat;
  readonly clock: Clock;
  /** Credit per direction, bytes. */
  readonly window: number;
  /** How long the peer may take nothing of the rest of the output once the worker has closed. */
  readonly lingerTimeout: Millis;
}

/** The place of a connection at a worker. */
export interface Seat {
  readonly lane: Lane;
  readonly lease: LeaseId;
  readonly owner: SideOwner;
}

/** Whoever is told of a side. */
export interface SideOwner {
  /** Both sides are closed; told once. */
  closed(side: RelaySide): void;
  /** No worker has the connection, and its peer has sent something, or ended its side. */
  woken(side: RelaySide): void;
}

/** Bytes of the peer go to the worker within its credit; bytes of the worker go to the peer; each side's close to the other. */
export class RelaySide
  implements ConnectionSide, SenderOwner, StreamOwner, DirectReader, PeerOwner, Lingering
{
  readonly connection: Connection;
  readonly #stream: Duplex & SocketCalls;
  readonly #clock: Clock;
  readonly #window: number;
  readonly #lingerTimeout: Millis;
  readonly #toPeer: ToPeer;
  readonly #fromWorker: CreditWindow;
  /** Bytes that must find credit before the peer is read again. */
  readonly #nextRead: number;
  #seat: Seat;
  /** Sends to the worker of this seat. */
  #toWorker: Sender;
  #state: ClosingState = 'open';
  #reason: CloseReason = 'ended';
  #error: string | undefined;
  /** The peer is not read, because the worker allows no more for now. */
  #paused = false;
  #granted = 0;
  #bytesRead = 0;
  #linger: Linger | undefined;
  #peerEnded = false;
  /** The credit that the next worker begins with, while the connection is on offer to it. */
  #offered: number | undefined;

  constructor({ connection, seat, clock, window, lingerTimeout }: RelaySideOptions) {
    this.connection = connection;
    this.#stream = connection.stream;
    this.#clock = clock;
    this.#window = window;
    this.#lingerTimeout = lingerTimeout;
    this.#seat = seat;
    this.#fromWorker = new CreditWindow(window);
    this.#nextRead = Math.min(READ_SIZE, window / 4);
    this.#toWorker = this.#senderOf(seat);
    this.#toPeer = new ToPeer(connection.stream, clock, this);
  }

  get state(): ClosingState {
    return this.#state;
  }

  /** The number of its lease at the worker that has it. */
  get lease(): LeaseId {
    return this.#seat.lease;
  }

  /** Bytes of input that the worker was sent in this lease, modulo 2^32. */
  get given(): number {
    return this.#toWorker.sent;
  }

  /** Whether no worker has the connection, after one had. */
  get homeless(): boolean {
    return this.#seat.lane === NOWHERE;
  }

  /** Whether its peer has sent something that no worker has taken. */
  get hasInput(): boolean {
    return this.#toWorker.pending > 0;
  }

  /** Whether its peer has ended its side. */
  get peerEnded(): boolean {
    return this.#peerEnded;
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
    this.#peerEnded = true;
    this.#toWorker.end();
    if (!this.#endedBothWays() && this.homeless) this.#seat.owner.woken(this);
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
    if (grant > 0 && this.#state === 'open') this.#seat.lane.credit(this.lease, grant);
  }

  end(): void {
    this.#toPeer.end();
  }

  grant(bytes: number): void {
    // It is the worker's last word about bytes that it had taken. The next worker begins with a window of its own.
    if (this.homeless) return;
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

  /** It was taken back from its worker at rest: no worker has it. `unread` is the input that the worker had not taken. */
  leave(unread: Uint8Array | undefined, owner: SideOwner): void {
    const waiting = this.#toWorker.handOver();
    this.#seat = { lane: NOWHERE, lease: this.lease, owner };
    this.#toWorker = this.#senderOf(this.#seat);
    if (unread) this.#toWorker.write(unread, true);
    for (const bytes of waiting) this.#toWorker.write(bytes, true);
    if (this.hasInput) this.#pause();
    else this.drained();
  }

  /** Another is told of it from now on. */
  belongsTo(owner: SideOwner): void {
    this.#seat = { ...this.#seat, owner };
  }

  /** It is offered to a worker again: what that worker must know. */
  offered(): Resumed {
    this.flushed();
    const credit = (this.#offered = this.#fromWorker.renew());
    const read = this.#bytesRead - this.#toWorker.pending;
    return { connection: this.connection.id, read, written: this.bytesWritten, credit };
  }

  /** The offer was taken back. */
  unoffered(): void {
    this.#offered = undefined;
  }

  /** A worker has it again: the bytes that wait go there. */
  sit(seat: Seat): void {
    const waiting = this.#toWorker.handOver();
    this.#seat = seat;
    this.#toWorker = this.#senderOf(seat);
    for (const bytes of waiting) this.#toWorker.write(bytes, true);
    if (this.#peerEnded) this.#toWorker.end();
    const more = this.#fromWorker.renew() - (this.#offered ?? 0);
    this.#offered = undefined;
    if (more > 0) seat.lane.credit(seat.lease, more);
    if (this.#state === 'stream-closed') this.#tellClosed();
    else this.drained();
  }

  /** No worker takes it: it is closed, in order where no reason is given. */
  giveUp(reason: CloseReason | undefined, error?: string): void {
    if (reason !== undefined) this.#fail(reason, error);
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
    // Nobody has the other side. A worker that it is on offer to may have taken it by now.
    if (this.homeless && this.#offered === undefined) this.#closes('worker');
    const task = this.#closes('stream');
    if (task === 'closed') this.#seat.owner.closed(this);
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
    if (task === 'closed') this.#seat.owner.closed(this);
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
    this.#pause();
    if (this.homeless) this.#seat.owner.woken(this);
  }

  #pause(): void {
    this.#paused = true;
    guarded(this.#stream, () => this.#stream.pause());
  }

  #senderOf({ lane, lease }: Seat): Sender {
    return new Sender({ lane, id: lease, window: this.#window, owner: this });
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
    this.#seat.lane.control(FRAME.close, this.lease, frame && encodeJson(frame));
  }
}
