/** A ring in shared memory: its layout, and its writing side. Used in both threads. */
import { errors } from '../core/errors.ts';
import { type ConnectionId } from '../core/types.ts';
import { copyBytes } from './copy.ts';
import { FRAME, RING_FRAME, type FrameKind } from './frames.ts';

/**
 * A ring of frames in shared memory, with one writer and one reader in different threads.
 *
 * Memory: four words (below), then the bytes. A cursor counts bytes for ever, modulo 2^32; its place in the ring is
 * the cursor modulo the ring's size. A frame is a header of four words (payload length, kind, connection, unused),
 * the payload, and filler up to `ALIGN`; it is never cut in two by the end of the ring.
 *
 * Why it is right. Operations on `Atomics` are sequentially consistent: all threads see all of them in one order, and
 * what a thread wrote before a `store` is seen by whoever has loaded the stored value.
 *
 * - Bytes: the writer stores `TAIL` after the bytes are written, the reader touches only what lies below a loaded
 *   `TAIL`. The reader stores `HEAD` after it is done with the bytes, the writer overwrites only what lies below a
 *   loaded `HEAD`. So plain reads and writes of the bytes never race.
 * - No lost doorbell: the writer stores `TAIL`, then looks at `ASLEEP`. The reader stores `ASLEEP`, then looks at
 *   `TAIL`. In the one order of all operations one of the two stores comes first, and the other side's look comes
 *   after it: either the writer sees a sleeper and rings, or the reader sees the frames and stays awake.
 * - The same with `STARVED` and `HEAD`, the other way round, for a writer that waits for room.
 * - One doorbell for one sleep: a flag is taken down by `exchange`, so one side alone gets it.
 *
 * Nothing that the other side wrote is believed: a cursor or header that no such writer or reader makes throws
 * `FORKLESS_BAD_FRAME`.
 */
const ALIGN = 16;
/** Bytes of a frame's header. */
export const HEADER_BYTES = 16;

// Indices of words. Each is on a cache line of its own, so that the threads do not take them from one another.
/** Where the writer's next frame goes. Stored by the writer. */
export const TAIL = 0;
/** How far the reader is done. Stored by the reader. */
export const HEAD = 16;
/** 1 while the reader wants a doorbell for the next frame. */
export const ASLEEP = 32;
/** 1 while the writer wants a doorbell for room. */
export const STARVED = 48;
/** Where the bytes of a ring begin in its memory. */
export const DATA_AT = 256;

/** Bytes that a frame of so many bytes takes, with its filler. */
export const aligned = (bytes: number): number => (bytes + ALIGN - 1) & -ALIGN;

/** Memory for a ring; `capacity` is a power of two, 64 at least. The reader is asleep. */
export function createRing(capacity: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(DATA_AT + capacity);
  new Int32Array(memory)[ASLEEP] = 1;
  return memory;
}

/**
 * Bytes of each ring: no more can be on its way to the far side's event loop. All that one turn of a busy main thread reads
 * should find room, because the rest is kept aside in copies.
 */
export const RING_BYTES = 524_288;

/** The rings between the main thread and one worker. */
export interface Rings {
  readonly toWorker: SharedArrayBuffer;
  readonly toMain: SharedArrayBuffer;
}

export const createRings = (capacity: number = RING_BYTES): Rings => ({
  toWorker: createRing(capacity),
  toMain: createRing(capacity),
});

/** The part of a ring that both of its sides use. */
export class Ring {
  readonly capacity: number;
  protected readonly words: Int32Array;
  protected readonly bytes: Buffer;
  protected readonly mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.capacity = memory.byteLength - DATA_AT;
    this.mask = this.capacity - 1;
    this.words = new Int32Array(memory);
    this.bytes = Buffer.from(memory, DATA_AT);
  }

  /** The distance between two cursors, if they can be two of this ring. */
  protected distance(from: number, to: number): number {
    const bytes = (to - from) | 0;
    if (bytes >= 0 && bytes <= this.capacity && bytes % ALIGN === 0) return bytes;
    throw errors.badFrame(`cursors ${from} and ${to} in a ring of ${this.capacity} bytes`);
  }

  /**
   * Bytes that a frame with so many bytes takes, if they can be within `most`: the other side may have written over its header.
   * The length is looked at by itself first: near 2^31 the sum has no meaning.
   */
  protected sizeFor(length: number, most: number): number {
    const size = aligned(HEADER_BYTES + length);
    if (length >= 0 && length <= most && size <= most) return size;
    throw errors.badFrame(`a payload of ${length} bytes`);
  }

  /** Takes a flag down; true if it was up. */
  protected lower(flag: number): boolean {
    return Atomics.load(this.words, flag) !== 0 && Atomics.exchange(this.words, flag, 0) !== 0;
  }
}

// Bytes are appended to a frame only in small pieces: behind an odd number of bytes, V8 copies byte by byte.
const APPENDED_UP_TO = 512;

/** The writing side. Everything that is written is held back until `publish`. */
export class RingWriter extends Ring {
  #tail = 0;
  #published = 0;
  #head = 0;
  /** Where the header of the last frame is, while that is data and held back; -1 otherwise. */
  #open = -1;

  /** Bytes written and held back. */
  get unpublished(): number {
    return (this.#tail - this.#published) | 0;
  }

  /** The reader has read all that was published, and waits for a doorbell. */
  get rested(): boolean {
    return Atomics.load(this.words, ASLEEP) === 1;
  }

  /** The cursor up to which frames are published. */
  get published(): number {
    return this.#published;
  }

  /** Whether the reader is done with everything before a cursor. What this writer knows of `HEAD` stays as it is. */
  isRead(cursor: number): boolean {
    return ((Atomics.load(this.words, HEAD) - cursor) | 0) >= 0;
  }

  /** Bytes that are free, with filler and headers. Looks anew if it knows of fewer than `wanted`. */
  room(wanted: number = this.capacity / 2): number {
    const known = this.capacity - ((this.#tail - this.#head) | 0);
    if (known >= wanted) return known;
    return this.capacity - this.#used();
  }

  /**
   * Visits the data frames that the reader may not have read, in order; it may have read some of the first ones. They are
   * intact until the next frame is written: nothing is written over what lies behind the last known `HEAD`, and
   * that is not loaded anew here. Throws `FORKLESS_BAD_FRAME` where the reader has written over them.
   */
  visitData(visit: (id: ConnectionId, bytes: Buffer) => void): void {
    for (let cursor = this.#head; cursor !== this.#tail;) {
      const at = cursor & this.mask;
      const word = this.#word(at);
      const length = this.words[word] ?? 0;
      const size = this.sizeFor(length, Math.min((this.#tail - cursor) | 0, this.capacity - at));
      const from = at + HEADER_BYTES;
      if (this.words[word + 1] === FRAME.data)
        visit(this.words[word + 2] ?? 0, this.bytes.subarray(from, from + length));
      cursor = (cursor + size) | 0;
    }
  }

  /** Writes a frame; false if there is no room for it. It must fit in half the ring. */
  frame(
    kind: FrameKind | typeof RING_FRAME.piece | typeof RING_FRAME.mark,
    id: ConnectionId,
    payload?: Uint8Array,
  ): boolean {
    const length = payload?.length ?? 0;
    const size = aligned(HEADER_BYTES + length);
    const toEnd = this.capacity - (this.#tail & this.mask);
    const needed = size <= toEnd ? size : toEnd + size;
    if (needed > this.room(needed)) return false;
    if (size > toEnd) this.#header(RING_FRAME.pad, 0, toEnd - HEADER_BYTES);
    const at = this.#header(kind, id, length);
    if (payload !== undefined) copyBytes(payload, 0, length, this.bytes, at);
    this.#open = -1;
    return true;
  }

  /** Writes bytes `from` to `to` of `chunk` as data of a connection, as many as there is room for; returns how many. */
  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number {
    let at = from + this.#append(id, chunk, from, to);
    while (at < to) {
      const room = this.room();
      const toEnd = this.capacity - (this.#tail & this.mask);
      // A small piece is not cut in two: that would make two writes of it.
      if (toEnd - HEADER_BYTES < Math.min(to - at, APPENDED_UP_TO, this.capacity >> 3)) {
        if (room <= toEnd + HEADER_BYTES) break;
        this.#header(RING_FRAME.pad, 0, toEnd - HEADER_BYTES);
        continue;
      }
      const next = Math.min(to, at + Math.min(room, toEnd) - HEADER_BYTES);
      if (next <= at) break;
      this.#open = this.#tail & this.mask;
      this.#fill(this.#header(FRAME.data, id, next - at), chunk, at, next);
      at = next;
    }
    return at - from;
  }

  /** Shows the reader everything that was written. True: the reader sleeps, and the caller must ring. */
  publish(): boolean {
    if (this.#tail === this.#published) return false;
    this.#published = this.#tail;
    this.#open = -1;
    Atomics.store(this.words, TAIL, this.#tail);
    return this.lower(ASLEEP);
  }

  /** Asks for a doorbell when there is room. True: there is `enough` already, and no doorbell will come. */
  starve(enough: number): boolean {
    Atomics.store(this.words, STARVED, 1);
    if (this.capacity - this.#used() < enough) return false;
    this.lower(STARVED);
    return true;
  }

  /** Bytes that the reader is not done with. What it says is only taken over where it can be. */
  #used(): number {
    const head = Atomics.load(this.words, HEAD);
    const used = this.distance(head, this.#tail);
    this.#head = head;
    return used;
  }

  // Small pieces that a handler writes one after the other become one frame, and one write to the peer.
  #append(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number {
    const open = this.#open;
    if (open < 0 || to - from > APPENDED_UP_TO || this.words[this.#word(open) + 2] !== id) return 0;
    const length = this.words[this.#word(open)] ?? 0;
    const before = aligned(HEADER_BYTES + length);
    const growth = aligned(HEADER_BYTES + length + to - from) - before;
    if (open + before + growth > this.capacity || growth > this.room()) return 0;
    this.words[this.#word(open)] = length + to - from;
    this.#fill(open + HEADER_BYTES + length, chunk, from, to);
    this.#tail = (this.#tail + growth) | 0;
    return to - from;
  }

  #fill(at: number, chunk: Uint8Array, from: number, to: number): void {
    copyBytes(chunk, from, to, this.bytes, at);
  }

  /** Returns where the payload goes. */
  #header(kind: number, id: ConnectionId, length: number): number {
    const at = this.#tail & this.mask;
    const word = this.#word(at);
    this.words[word] = length;
    this.words[word + 1] = kind;
    this.words[word + 2] = id;
    this.#tail = (this.#tail + aligned(HEADER_BYTES + length)) | 0;
    return at + HEADER_BYTES;
  }

  #word(at: number): number {
    return (DATA_AT + at) >> 2;
  }
}
