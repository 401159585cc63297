import { errors } from '../core/errors.ts';
import { type ConnectionId } from '../core/types.ts';
import { FRAME, HEADER } from '../wire/frames.ts';
import { type Lane, type LaneSource } from './lane.ts';
import { ownBytes } from './own-bytes.ts';

export interface OutflowOwner {
  /** Bytes that had to wait are all sent. */
  drained(): void;
}

/**
 * The sending half of one connection: keeps the bytes that the far side has not allowed yet, in order, and the end
 * behind them. It never sends more than its credit.
 */
export class Outflow implements LaneSource {
  readonly #lane: Lane;
  readonly #id: ConnectionId;
  readonly #owner: OutflowOwner;
  #chunks: Uint8Array[] = [];
  /** How many of `#chunks` are sent. */
  #head = 0;
  #offset = 0;
  #pending = 0;
  readonly #window: number;
  #credit: number;
  #admitted = false;
  #end: 'no' | 'wanted' | 'sent' = 'no';

  constructor(lane: Lane, id: ConnectionId, credit: number, owner: OutflowOwner) {
    this.#lane = lane;
    this.#id = id;
    this.#window = this.#credit = credit;
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
    const most = this.#pending > 0 || this.#end !== 'no' ? 0 : Math.min(chunk.length, this.#credit);
    if (most === 0) return 0;
    const sent = this.#lane.sendNow(this.#id, chunk, most);
    this.#credit -= sent;
    return sent;
  }

  /**
   * Returns whether all of it is sent; otherwise `drained` tells. `chunk` must not change until then, unless it is
   * `borrowed`: then what is not sent is copied.
   */
  write(chunk: Uint8Array, borrowed = false): boolean {
    const sent = this.sendNow(chunk);
    if (sent === chunk.length) return this.#pending === 0;
    const rest = sent === 0 ? chunk : chunk.subarray(sent);
    this.#chunks.push(borrowed ? ownBytes(rest) : rest);
    this.#pending += rest.length;
    this.#push();
    return this.#pending === 0;
  }

  /** Ends this direction, behind everything written. */
  end(): void {
    if (this.#end !== 'no') return;
    this.#end = 'wanted';
    if (this.#pending === 0) this.#sendEnd();
  }

  /** Throws `FORKLESS_BAD_FRAME` for more than was sent: the far side would lift its own bound on our memory. */
  grant(bytes: number): void {
    if (this.#credit + bytes > this.#window)
      throw errors.badFrame(`credit of ${bytes} bytes, with ${this.#credit} of ${this.#window} unused`);
    this.#credit += bytes;
    const waited = this.#pending > 0;
    this.#push();
    if (waited) this.#afterTransmit();
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

  /** Forgets what waits: the connection is closed. */
  discard(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#offset = 0;
    this.#pending = 0;
    this.#end = 'sent';
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
    if (this.#offset === chunk.length) {
      this.#head += 1;
      this.#offset = 0;
      // Not one by one: a shift moves all the rest, and a handler may have written very many small chunks.
      if (this.#head * 2 >= this.#chunks.length) {
        this.#chunks.splice(0, this.#head);
        this.#head = 0;
      }
    }
    return size;
  }

  #hasMore(): boolean {
    return this.#pending > 0 && this.#credit > 0;
  }

  #afterTransmit(): void {
    if (this.#pending > 0 || this.#end === 'sent') return;
    if (this.#end === 'wanted') this.#sendEnd();
    this.#owner.drained();
  }

  #sendEnd(): void {
    this.#end = 'sent';
    this.#lane.control(FRAME.end, this.#id);
  }
}
