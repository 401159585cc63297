/** The bytes of one connection that wait to be sent. Used in both threads. */
import { copyBytes } from '../wire/copy.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { ownBytes, pieceOf } from './own-bytes.ts';

// Pieces up to this size are joined.
const JOINED_UP_TO = 4_096;
const LEAST_BLOCK = 512;
const LARGEST_BLOCK = 65_536;

/** A queue of bytes. They are taken from its front, in parts of any size. */
export class WaitingBytes {
  #chunks: Uint8Array[] = [];
  /** How many of `#chunks` are taken. */
  #head = 0;
  #offset = 0;
  #length = 0;
  /** Where small pieces are joined: the memory of the last chunk. */
  #block: Buffer | undefined;
  #lent = false;

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Whether some of them are in memory of the caller. */
  get lent(): boolean {
    return this.#lent;
  }

  /** The chunk in front; its first `offset` bytes are taken already. */
  get front(): Uint8Array | undefined {
    return this.#chunks[this.#head];
  }

  get offset(): number {
    return this.#offset;
  }

  /** So many bytes of the chunk in front are taken. */
  took(bytes: number): void {
    this.#offset += bytes;
    this.#length -= bytes;
    if (this.#offset === this.front?.length) this.#next();
    if (this.#length === 0) this.#lent = false;
  }

  /** Appends bytes that must not change until they are taken. */
  lend(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    this.#block = undefined;
    this.#lent = true;
  }

  /** Appends a copy of bytes. */
  copy(bytes: Uint8Array): void {
    if (bytes.length <= JOINED_UP_TO) {
      this.#join(bytes);
    } else {
      this.#chunks.push(ownBytes(bytes));
      this.#block = undefined;
    }
    this.#length += bytes.length;
  }

  /** Copies the first `most` bytes, so that no memory of the caller is left; returns how many bytes it has dropped. */
  keep(most: number): number {
    const kept = new GatheredBytes();
    const before = this.#length;
    this.#chunks.slice(this.#head).forEach((chunk, index) => {
      const from = index === 0 ? this.#offset : 0;
      kept.add(chunk.subarray(from, from + Math.max(0, Math.min(chunk.length - from, most - kept.length))));
    });
    this.clear();
    this.#length = kept.length;
    this.#chunks = kept.take();
    return before - this.#length;
  }

  /** Returns all bytes, in order; it is empty then. */
  take(): Uint8Array[] {
    const all = this.#chunks.slice(this.#head);
    const [first] = all;
    if (first) all[0] = first.subarray(this.#offset);
    this.clear();
    return all;
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#offset = 0;
    this.#length = 0;
    this.#block = undefined;
    this.#lent = false;
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
      Math.max(piece.length, Math.min(LARGEST_BLOCK, Math.max(LEAST_BLOCK, this.#length))),
    );
    copyBytes(piece, 0, piece.length, block, 0);
    this.#chunks.push(block.subarray(0, piece.length));
    this.#block = block;
  }

  #next(): void {
    this.#head += 1;
    this.#offset = 0;
    if (this.#head === this.#chunks.length) this.#block = undefined;
    // Chunks are not removed one by one: each removal moves all the rest, and a handler may have written very many small
    // chunks.
    if (this.#head * 2 >= this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
