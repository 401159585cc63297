/** A buffer of small pieces. Used in both threads. */
import { copyBytes } from '../wire/copy.ts';
import { pieceOf } from './own-bytes.ts';

const FIRST = 512;
const LARGEST = 65_536;
const NONE = Buffer.alloc(0);

/**
 * Copies of small pieces, joined: for pieces of one byte, a Buffer for each would cost a hundred times as much. It takes memory
 * by blocks that double, so it holds at most twice its bytes, or 512 bytes where there are fewer.
 */
export class GatheredBytes {
  #full: Buffer[] = [];
  #block: Buffer = NONE;
  #used = 0;
  #length = 0;

  /** Bytes that it holds. */
  get length(): number {
    return this.#length;
  }

  add(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      if (this.#used === this.#block.length) this.#next(bytes.length - from);
      const to = Math.min(bytes.length, from + this.#block.length - this.#used);
      copyBytes(bytes, from, to, this.#block, this.#used);
      this.#used += to - from;
      this.#length += to - from;
      from = to;
    }
  }

  /** Returns all bytes, in order. It is empty then, and the memory is the caller's. */
  take(): Buffer[] {
    const all = this.#full;
    if (this.#used > 0) all.push(this.#block.subarray(0, this.#used));
    this.#full = [];
    this.#block = NONE;
    this.#used = 0;
    this.#length = 0;
    return all;
  }

  #next(wanted: number): void {
    if (this.#used > 0) this.#full.push(this.#block);
    this.#block = pieceOf(Math.min(LARGEST, Math.max(FIRST, this.#length, wanted)));
    this.#used = 0;
  }
}
