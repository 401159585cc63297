import { errors } from '../core/errors.ts';
import { type ConnectionId } from '../core/types.ts';
import { copyBytes } from '../wire/copy.ts';
import { FRAME, HEADER } from '../wire/frames.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { type Lane, type LaneSource } from './lane.ts';
import { ownBytes, pieceOf } from './own-bytes.ts';

export interface SenderOwner {
  /** Bytes that had to wait are all sent. */
  drained(): void;
}

export interface SenderOptions {
  readonly lane: Lane;
  readonly id: ConnectionId;
  /** Credit to begin with, bytes. */
  readonly window: number;
  readonly owner: SenderOwner;
}

/**
 * What is left to say behind the bytes. `ending` and `closing` wait until those within credit are sent; after `ended`
 * there are none.
 */
type Stage = 'open' | 'ending' | 'ended' | 'closing' | 'closed';

// Pieces up to this size are joined where they wait.
const JOINED_UP_TO = 4_096;
const LEAST_BLOCK = 512;
const LARGEST_BLOCK = 65_536;

/**
 * The sending half of one connection: keeps the bytes that the far side has not allowed yet, in order, and the end or
 * the close behind them. It never sends more than its credit.
 */
export class Sender implements LaneSource {
  readonly #lane: Lane;
  readonly #id: ConnectionId;
  readonly #owner: SenderOwner;
  readonly #window: number;
  #chunks: Uint8Array[] = [];
  /** How many of `#chunks` are sent. */
  #head = 0;
  #offset = 0;
  #pending = 0;
  /** Where small pieces are joined: the memory of the last chunk. */
  #block: Buffer | undefined;
  /** Some of `#chunks` are the caller's memory. Then more waits than there is credit for. */
  #lent = false;
  #credit: number;
  #admitted = false;
  #stage: Stage = 'open';
  #closeFrame: Uint8Array | undefined;

  constructor({ lane, id, window, owner }: SenderOptions) {
    this.#lane = lane;
    this.#id = id;
    this.#window = this.#credit = window;
    this.#owner = owner;
  }

  /** Bytes that wait for credit or room. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether so many bytes more would not have to wait for credit. */
  allows(bytes: number): boolean {
    return this.#pending === 0 && this.#credit >= bytes;
  }

  /** Sends what can go at once, if nothing waits; returns how many bytes. */
  sendNow(chunk: Uint8Array): number {
    const most = this.#pending > 0 || this.#stage !== 'open' ? 0 : Math.min(chunk.length, this.#credit);
    if (most === 0) return 0;
    const sent = this.#lane.sendNow(this.#id, chunk, most);
    this.#credit -= sent;
    return sent;
  }

  /**
   * True: the bytes are sent, or copied to be sent within the credit that there is, as a kernel takes what it has room for.
   * False: `chunk` must not change until `drained`. One that is `borrowed` is copied in any case.
   */
  write(chunk: Uint8Array, borrowed = false): boolean {
    const sent = this.sendNow(chunk);
    if (sent === chunk.length) return true;
    const rest = sent === 0 ? chunk : chunk.subarray(sent);
    const taken = borrowed || this.#pending + rest.length <= this.#credit;
    if (taken) this.#copy(rest);
    else this.#lend(rest);
    this.#pending += rest.length;
    this.#push();
    return taken || this.#pending === 0;
  }

  /** Ends this direction, behind everything written. */
  end(): void {
    if (this.#stage !== 'open') return;
    this.#stage = 'ending';
    if (this.#pending === 0) this.#sayLast();
  }

  /**
   * Closes the connection on this side: of what waits, what is within credit is sent, and the close goes behind that.
   * `frameOf` makes its payload, from the number of bytes that are beyond credit and dropped.
   */
  close(frameOf: (dropped: number) => Uint8Array | undefined): void {
    if (this.#stage === 'closing' || this.#stage === 'closed') return;
    const dropped = this.#lent ? this.#keepWithinCredit() : 0;
    this.#closeFrame = frameOf(dropped);
    this.#stage = 'closing';
    this.#push();
    if (this.#pending === 0) this.#sayLast();
  }

  /** Throws `FORKLESS_BAD_FRAME` for more than was sent: the far side would lift its own bound on our memory. */
  grant(bytes: number): void {
    if (this.#credit + bytes > this.#window)
      throw errors.badFrame(`credit of ${bytes} bytes, with ${this.#credit} of ${this.#window} unused`);
    this.#credit += bytes;
    const waited = this.#pending > 0;
    this.#push();
    if (waited) this.#afterTransmit();
    if (this.#lent && this.#pending <= this.#credit) this.#takeOver();
  }

  transmit(quantum: number): boolean {
    const waited = this.#admitted;
    this.#admitted = false;
    let room = quantum;
    // Headers count too: of chunks of a few bytes, they are most of what is sent.
    while (room > 0 && this.#hasMore()) {
      const sent = this.#sendSome(Math.min(room, this.#credit));
      if (sent === 0) break;
      room -= HEADER + sent;
    }
    const more = this.#hasMore();
    this.#admitted = more;
    if (waited) this.#afterTransmit();
    return more;
  }

  /** Forgets what waits, and says nothing more but a close. */
  discard(): void {
    this.#forget();
    if (this.#stage === 'open' || this.#stage === 'ending') this.#stage = 'ended';
  }

  #forget(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#offset = 0;
    this.#pending = 0;
    this.#block = undefined;
    this.#lent = false;
  }

  #lend(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#block = undefined;
    this.#lent = true;
  }

  // There is credit for all that waits by now: the caller need not wait for room.
  #takeOver(): void {
    this.#keepWithinCredit();
    this.#owner.drained();
  }

  #copy(bytes: Uint8Array): void {
    if (bytes.length <= JOINED_UP_TO) {
      this.#join(bytes);
      return;
    }
    this.#chunks.push(ownBytes(bytes));
    this.#block = undefined;
  }

  #join(piece: Uint8Array): void {
    const last = this.#chunks.at(-1);
    const used = last && this.#block ? last.length : 0;
    if (this.#block && used + piece.length <= this.#block.length) {
      copyBytes(piece, 0, piece.length, this.#block, used);
      this.#chunks[this.#chunks.length - 1] = this.#block.subarray(0, used + piece.length);
      return;
    }
    const block = pieceOf(
      Math.max(piece.length, Math.min(LARGEST_BLOCK, Math.max(LEAST_BLOCK, this.#pending))),
    );
    copyBytes(piece, 0, piece.length, block, 0);
    this.#chunks.push(block.subarray(0, piece.length));
    this.#block = block;
  }

  // Copies it; returns how many bytes are beyond credit, and dropped.
  #keepWithinCredit(): number {
    const kept = new GatheredBytes();
    let dropped = 0;
    const keep = (chunk: Uint8Array, from: number): void => {
      const most = Math.max(0, Math.min(chunk.length - from, this.#credit - kept.length));
      kept.add(chunk.subarray(from, from + most));
      dropped += chunk.length - from - most;
    };
    this.#chunks.slice(this.#head).forEach((chunk, index) => {
      keep(chunk, index === 0 ? this.#offset : 0);
    });
    this.#forget();
    this.#pending = kept.length;
    this.#chunks = kept.take();
    return dropped;
  }

  #push(): void {
    if (this.#admitted || !this.#hasMore()) return;
    this.#lane.admit(this);
    // The lane has either let it transmit all that it may, or keeps it until there is room.
    this.#admitted = this.#hasMore();
  }

  #sendSome(most: number): number {
    const chunk = this.#chunks[this.#head];
    if (chunk === undefined) return 0;
    const end = this.#offset + Math.min(most, chunk.length - this.#offset);
    const size = this.#lane.data(this.#id, chunk, this.#offset, end);
    this.#offset += size;
    this.#pending -= size;
    this.#credit -= size;
    if (this.#offset === chunk.length) this.#next();
    return size;
  }

  #next(): void {
    this.#head += 1;
    this.#offset = 0;
    if (this.#head === this.#chunks.length) this.#block = undefined;
    // Not one by one: a shift moves all the rest, and a handler may have written very many small chunks.
    if (this.#head * 2 >= this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #hasMore(): boolean {
    return this.#pending > 0 && this.#credit > 0;
  }

  #afterTransmit(): void {
    if (this.#pending > 0) return;
    this.#lent = false;
    this.#sayLast();
    if (this.#stage !== 'closed') this.#owner.drained();
  }

  /** Says what is due behind the bytes, if anything. */
  #sayLast(): void {
    if (this.#stage === 'closing') {
      this.#stage = 'closed';
      this.#lane.control(FRAME.close, this.#id, this.#closeFrame);
    } else if (this.#stage === 'ending') {
      this.#stage = 'ended';
      this.#lane.control(FRAME.end, this.#id);
    }
  }
}
