/** The sending half of one connection, in front of the lane. Used in both threads. */
import { errors } from '../core/errors.ts';
import { type ConnectionId } from '../core/types.ts';
import { FRAME, HEADER } from '../wire/frames.ts';
import { type Lane, type LaneSource } from './lane.ts';
import { WaitingBytes } from './waiting-bytes.ts';

export interface SenderOwner {
  /** Bytes that had to wait are all sent. */
  drained(): void;
}

export interface SenderOptions {
  readonly lane: Lane;
  readonly id: ConnectionId;
  /** The far side's window, bytes. */
  readonly window: number;
  /** How much of it is free to begin with. Default: all. */
  readonly credit?: number | undefined;
  readonly owner: SenderOwner;
}

/**
 * The end or close of a connection, behind its bytes. `ending` and `closing` wait until the bytes within credit are sent;
 * after `ended` there are no bytes.
 */
type Stage = 'open' | 'ending' | 'ended' | 'closing' | 'closed';

/**
 * The sending half of one connection: keeps the bytes that the far side has not allowed yet, in order, and the end or
 * the close behind them. It never sends more than its credit.
 */
export class Sender implements LaneSource {
  readonly #lane: Lane;
  readonly #id: ConnectionId;
  readonly #owner: SenderOwner;
  readonly #window: number;
  /** Made when something waits: most connections never need it. */
  #waiting: WaitingBytes | undefined;
  #credit: number;
  #sent = 0;
  #admitted = false;
  #stage: Stage = 'open';
  #closeFrame: Uint8Array | undefined;

  constructor({ lane, id, window, credit = window, owner }: SenderOptions) {
    this.#lane = lane;
    this.#id = id;
    this.#window = window;
    this.#credit = credit;
    this.#owner = owner;
  }

  /** Bytes that wait for credit or room. */
  get pending(): number {
    return this.#waiting?.length ?? 0;
  }

  /** Bytes that the lane has taken, modulo 2^32. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether so many bytes more would not have to wait for credit. */
  allows(bytes: number): boolean {
    return this.pending === 0 && this.#credit >= bytes;
  }

  /** Sends what can go at once, if nothing waits; returns how many bytes. */
  sendNow(chunk: Uint8Array): number {
    const most = this.pending > 0 || this.#stage !== 'open' ? 0 : Math.min(chunk.length, this.#credit);
    if (most === 0) return 0;
    const sent = this.#lane.sendNow(this.#id, chunk, most);
    this.#credit -= sent;
    this.#sent = (this.#sent + sent) | 0;
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
    const waiting = (this.#waiting ??= new WaitingBytes());
    const taken = borrowed || waiting.length + rest.length <= this.#credit;
    if (taken) waiting.copy(rest);
    else waiting.lend(rest);
    this.#push();
    return taken || waiting.length === 0;
  }

  /** Ends this direction, behind everything written. */
  end(): void {
    if (this.#stage !== 'open') return;
    this.#stage = 'ending';
    if (this.pending === 0) this.#sayLast();
  }

  /**
   * Closes the connection on this side: of what waits, what is within credit is sent, and the close goes behind that.
   * `frameOf` makes its payload, from the number of bytes that are beyond credit and dropped.
   */
  close(frameOf: (dropped: number) => Uint8Array | undefined): void {
    if (this.#stage === 'closing' || this.#stage === 'closed') return;
    const dropped = this.#waiting?.lent === true ? this.#waiting.keep(this.#credit) : 0;
    this.#closeFrame = frameOf(dropped);
    this.#stage = 'closing';
    this.#push();
    if (this.pending === 0) this.#sayLast();
  }

  /** Throws `FORKLESS_BAD_FRAME` for more than was sent: the far side would lift its own bound on our memory. */
  grant(bytes: number): void {
    if (this.#credit + bytes > this.#window)
      throw errors.badFrame(`credit of ${bytes} bytes, with ${this.#credit} of ${this.#window} unused`);
    this.#credit += bytes;
    const waited = this.pending > 0;
    this.#push();
    if (waited) this.#afterTransmit();
    if (this.#waiting?.lent === true && this.#waiting.length <= this.#credit) this.#takeOver(this.#waiting);
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

  /** Gives up the bytes that wait, which another sender is to send; this one sends nothing any more. */
  handOver(): Uint8Array[] {
    const waiting = this.#waiting?.take() ?? [];
    this.discard();
    return waiting;
  }

  /** Forgets what waits, and says nothing more but a close. */
  discard(): void {
    this.#waiting?.clear();
    if (this.#stage === 'open' || this.#stage === 'ending') this.#stage = 'ended';
  }

  // There is credit for all that waits by now: the caller need not wait for room.
  #takeOver(waiting: WaitingBytes): void {
    waiting.keep(this.#credit);
    this.#owner.drained();
  }

  #push(): void {
    if (this.#admitted || !this.#hasMore()) return;
    this.#lane.admit(this);
    // The lane has either let it transmit all that it may, or keeps it until there is room.
    this.#admitted = this.#hasMore();
  }

  #sendSome(most: number): number {
    const waiting = this.#waiting;
    const chunk = waiting?.front;
    if (!waiting || !chunk) return 0;
    const { offset } = waiting;
    const end = offset + Math.min(most, chunk.length - offset);
    const size = this.#lane.data(this.#id, chunk, offset, end);
    waiting.took(size);
    this.#credit -= size;
    this.#sent = (this.#sent + size) | 0;
    return size;
  }

  #hasMore(): boolean {
    return this.pending > 0 && this.#credit > 0;
  }

  #afterTransmit(): void {
    if (this.pending > 0) return;
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
