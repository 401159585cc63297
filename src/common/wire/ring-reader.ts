/** The reading side of a ring; `ring.ts` says how a ring is made and why it is right. Used in both threads. */
import { errors } from '../core/errors.ts';
import { type ConnectionId } from '../core/types.ts';
import { isKind, MAX_PAYLOAD, RING_FRAME, type FrameSink } from './frames.ts';
import { ASLEEP, DATA_AT, HEAD, HEADER_BYTES, Ring, STARVED, TAIL } from './ring.ts';

/** Where the reader has stopped: behind a mark, or because it has read everything, or enough. */
export type Stop = 'all' | 'mark';

/** Reads frames, and frees their room. */
export class RingReader extends Ring {
  #head = 0;
  #released = 0;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  /** Bytes published and not read. */
  get unread(): number {
    return this.distance(this.#head, Atomics.load(this.words, TAIL));
  }

  /** The cursor up to which frames are published now. */
  get published(): number {
    return Atomics.load(this.words, TAIL);
  }

  /** Whether everything before a cursor is read. */
  hasRead(cursor: number): boolean {
    return ((this.#head - cursor) | 0) >= 0;
  }

  /**
   * Reads the frames that are published at the time of the call, up to the first mark, and little more than `most` bytes.
   * Throws `FORKLESS_BAD_FRAME`, or an error of the sink. `room` is called when there is room for a writer that waits: it
   * must ring.
   */
  read(sink: FrameSink, room: () => void, most: number = Infinity): Stop {
    let left = this.unread;
    const enough = left - most;
    let stop: Stop = 'all';
    while (left > 0 && left > enough && stop === 'all') {
      const at = this.#head & this.mask;
      const word = (DATA_AT + at) >> 2;
      // Each word is read once: the other side could change it between a check and a use.
      const length = this.words[word] ?? 0;
      const kind = this.words[word + 1] ?? 0;
      const size = this.sizeFor(length, Math.min(left, this.capacity - at));
      if (kind === RING_FRAME.mark) stop = 'mark';
      else this.#take(kind, this.words[word + 2] ?? 0, at + HEADER_BYTES, length, sink);
      this.#head = (this.#head + size) | 0;
      left -= size;
      // Room is not freed after each frame: the writer would be rung for room that one small frame fills.
      if (((this.#head - this.#released) | 0) * 4 >= this.capacity) this.#release(room);
    }
    this.#release(room);
    return stop;
  }

  /** Asks for a doorbell for the next frame. False: a frame is there already, and no doorbell will come for it. */
  sleep(): boolean {
    Atomics.store(this.words, ASLEEP, 1);
    if (this.unread === 0) return true;
    this.lower(ASLEEP);
    return false;
  }

  #take(kind: number, id: ConnectionId, from: number, length: number, sink: FrameSink): void {
    const payload = this.bytes.subarray(from, from + length);
    if (kind === RING_FRAME.pad) return;
    if (kind === RING_FRAME.piece) this.#keep(payload);
    else if (!isKind(kind)) throw errors.badFrame(`kind ${kind}`);
    else if (this.#pieces.length === 0) sink(kind, id, payload);
    else sink(kind, id, this.#whole(payload));
  }

  #keep(piece: Buffer): void {
    this.#pieceBytes += piece.length;
    if (piece.length === 0 || this.#pieceBytes > MAX_PAYLOAD)
      throw errors.badFrame(`a payload of ${this.#pieceBytes} bytes in pieces`);
    this.#pieces.push(Buffer.concat([piece]));
  }

  #whole(last: Buffer): Buffer {
    const payload = Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return payload;
  }

  #release(room: () => void): void {
    if (this.#released === this.#head) return;
    this.#released = this.#head;
    Atomics.store(this.words, HEAD, this.#head);
    if (this.lower(STARVED)) room();
  }
}
