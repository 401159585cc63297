/** A bounded buffer for bytes that arrive in pieces. Runs in a worker. */

const LEAST_ROOM = 256;

/**
 * Bytes that arrive in pieces and are wanted whole. Pieces are copied into one buffer that doubles, so that a
 * thousand pieces of one byte neither pin a thousand buffers nor cost more than linear time. The room never
 * exceeds `most` bytes, which the caller also promises of the contents.
 */
export class GrowingBytes {
  readonly #most: number;
  #room: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#room.length) this.#grow(length);
    this.#room.set(piece, this.#length);
    this.#length = length;
  }

  /** Gives everything and is empty afterwards; the buffer is the caller's. */
  takeAll(): Buffer {
    const all = this.#room.subarray(0, this.#length);
    this.clear();
    return all;
  }

  clear(): void {
    this.#room = Buffer.alloc(0);
    this.#length = 0;
  }

  #grow(length: number): void {
    const room = Buffer.allocUnsafe(Math.min(Math.max(LEAST_ROOM, length * 2), this.#most));
    room.set(this.#room.subarray(0, this.#length));
    this.#room = room;
  }
}
