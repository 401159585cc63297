/** Memory for copies of bytes whose own memory is used again. Used in both threads. */
import { markAsUntransferable } from 'node:worker_threads';
import { copyBytes } from '../wire/copy.ts';

/** Memory that is given out piece by piece: an ArrayBuffer for each piece would cost more than the bytes. */
class Slab {
  readonly #size: number;
  #memory = Buffer.alloc(0);
  #used = 0;

  constructor(size: number) {
    this.#size = size;
  }

  take(length: number): Buffer {
    if (this.#used + length > this.#memory.length) this.#next();
    const piece = this.#memory.subarray(this.#used, this.#used + length);
    // Copying from and to multiples of eight is much quicker.
    this.#used = (this.#used + length + 7) & -8;
    return piece;
  }

  #next(): void {
    this.#memory = Buffer.allocUnsafeSlow(this.#size);
    this.#used = 0;
    // A handler that moved it to another thread would move the bytes of other connections along.
    markAsUntransferable(this.#memory.buffer);
  }
}

// A piece that somebody keeps holds its whole slab: so small pieces have a small slab, and none fills only a little of one.
const few = new Slab(16_384);
const FEW = 4_096;
const many = new Slab(65_536);
const MANY = 32_768;

/** Memory for so many bytes, with garbage in it. */
export function pieceOf(length: number): Buffer {
  if (length <= FEW) return few.take(length);
  return length <= MANY ? many.take(length) : Buffer.allocUnsafeSlow(length);
}

/**
 * A copy of bytes whose own memory is used again. It is not taken from Node's pool: a few bytes that somebody keeps hold 16 KiB
 * at most here, and 64 KiB there on current versions.
 */
export function ownBytes(bytes: Uint8Array): Buffer {
  const { length } = bytes;
  const own = pieceOf(length);
  copyBytes(bytes, 0, length, own, 0);
  return own;
}
