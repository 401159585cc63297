/** The output of one relayed connection in the main thread: bytes that came from the worker, on their way to the peer. */
import { type Duplex } from 'node:stream';
import { type Clock } from '../../common/core/clock.ts';
import { asError } from '../../common/core/thrown.ts';
import { type Millis } from '../../common/core/types.ts';
import { GatheredBytes } from '../../common/lane/gathered-bytes.ts';
import { destroyStream, guarded, isDestroyed } from '../../common/user-code/guarded.ts';
import { heldBy, isDirect, writeThrough } from './write-through.ts';

// Larger pieces are worth a system call of their own.
const GATHERED_UP_TO = 4_096;

const NOTHING = Buffer.alloc(0);

/** The connection whose output this is. */
export interface PeerOwner {
  /** More of the output may be flushed than before. */
  flushed(): void;
}

/**
 * Writes bytes of the worker to the stream. The first bytes of a pass go out at once, as nearly always they are the only
 * ones. Small pieces behind them are joined: a handler that writes to many clients in turn would otherwise cost a system
 * call for each piece. All that comes while the peer does not read is joined too, because a stream's entry for each piece
 * costs a hundred times as much as a byte.
 */
export class ToPeer {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #owner: PeerOwner;
  readonly #direct: boolean;
  /** Bytes that are not given to the stream yet: it holds some back, or this pass is not over. */
  #waiting: GatheredBytes | undefined;
  #wrote = false;
  /** Calls that the stream still owes: each comes when all that was written before it has left. */
  #owedCalls = 0;
  #ended = false;
  #received = 0;
  /** Since when the stream holds output back; and the longest that it has taken to let all of it go. */
  #blockedSince: Millis | undefined;
  #slowest: Millis = 0;

  constructor(stream: Duplex, clock: Clock, owner: PeerOwner) {
    this.#stream = stream;
    this.#clock = clock;
    this.#owner = owner;
    this.#direct = isDirect(stream);
  }

  /** Bytes that came from the worker. */
  get received(): number {
    return this.#received;
  }

  /** Bytes of these that the stream has flushed. */
  get flushed(): number {
    return this.#received - heldBy(this.#stream) - (this.#waiting?.length ?? 0);
  }

  /** The longest that the stream has taken to let all output go. */
  get slowest(): Millis {
    return this.#slowest;
  }

  /** The worker has ended its side: no more output comes. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Counts bytes that came from the worker. They are written, or dropped where that is too late. */
  count(bytes: number): void {
    this.#received += bytes;
  }

  /** Returns true when the caller must call `passed` after the last frame for now. */
  write(payload: Buffer): boolean {
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

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    guarded(this.#stream, () => {
      this.#writeWaiting();
      this.#stream.end();
    });
  }

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

  // Output that somebody else has written is not waited for: nobody would tell when it has left. Bytes behind such output
  // are given to the stream, which tells of them.
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

  /** Gives the stream the bytes that wait, unless it still holds some back. */
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
    this.#owner.flushed();
  }

  #writeWaiting(done?: () => void): void {
    const pieces = this.#waiting?.take() ?? [];
    this.#waiting = undefined;
    if (isDestroyed(this.#stream)) return;
    pieces.forEach((piece, index) => {
      this.#stream.write(piece, index === pieces.length - 1 ? done : undefined);
    });
  }
}
