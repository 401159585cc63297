/** The bounded buffer of a filter for input that no record has used yet. Made in either thread, it runs in a worker. */
import { integer } from '../core/check.ts';
import { errors, type ForklessError } from '../core/errors.ts';

const EMPTY = Buffer.alloc(0);
const ONE_READ = 64 * 1024;
const DEFAULT_SLACK = 16 * 1024 * 1024;

/** The option `maxBuffer`: at least a longest record and one read beside it, or good input would overflow. */
export function bufferLimit(maxBuffer: number | undefined, maxLength: number): number {
  return integer('maxBuffer', maxBuffer ?? maxLength + DEFAULT_SLACK, maxLength + ONE_READ);
}

/**
 * Input that no record has used yet, in one piece. A chunk that arrives while nothing is kept is not copied; others
 * are appended to a buffer that grows by what it keeps, so a byte is copied a constant number of times however
 * small the chunks are and however long the record is. Bytes that were given out are never written over.
 */
export class InputBytes {
  /** The bytes that are kept begin at `at` and go to the end. */
  bytes: Buffer = EMPTY;
  at: number = 0;
  readonly #most: number;
  // The buffer whose first part is `bytes`, unless `bytes` is a chunk of the caller.
  #room: Buffer = EMPTY;
  #failed = false;

  /** Keeps at most `most` bytes, in a buffer of at most a quarter more. */
  constructor(most: number) {
    this.#most = most;
  }

  get length(): number {
    return this.bytes.length - this.at;
  }

  /** Throws `FORKLESS_INPUT_OVERFLOW` for more than `most` bytes, and has failed then. */
  push(chunk: Uint8Array): void {
    if (this.#failed || chunk.length === 0) return;
    const kept = this.length;
    const length = kept + chunk.length;
    if (length > this.#most) throw this.fail(errors.inputOverflow(length, this.#most));
    if (kept === 0) this.#adopt(chunk);
    else this.#append(chunk);
  }

  /** The next `count` bytes; there must be as many. */
  take(count: number): Buffer {
    const taken = this.bytes.subarray(this.at, this.at + count);
    this.skip(count);
    return taken;
  }

  skip(count: number): void {
    this.at += count;
    if (this.at === this.bytes.length) this.#clear();
  }

  /**
   * To be called when what is kept must wait for more: it is copied, lest it pin the caller's whole chunk, or a large
   * buffer of which it is the last little part.
   */
  keep(): void {
    const isAdopted = this.#room === EMPTY;
    const isWasteful = this.#room.length > ONE_READ && this.#room.length > 4 * this.length;
    if ((isAdopted && this.length > 0) || isWasteful) this.#grow(0);
  }

  /** Gives what is kept, and forgets it and a failure. */
  release(): Buffer {
    const rest = this.bytes.subarray(this.at);
    this.#clear();
    this.#failed = false;
    return rest;
  }

  /** After this, nothing can be made of the input any more: keeps nothing, and discards what is pushed. */
  fail(error: ForklessError): ForklessError {
    this.#clear();
    this.#failed = true;
    return error;
  }

  #adopt(chunk: Uint8Array): void {
    this.bytes = asBuffer(chunk);
    this.at = 0;
    this.#room = EMPTY;
  }

  #append(chunk: Uint8Array): void {
    if (this.bytes.length + chunk.length > this.#room.length) this.#grow(chunk.length);
    const end = this.bytes.length;
    this.#room.set(chunk, end);
    this.bytes = this.#room.subarray(0, end + chunk.length);
  }

  // Room for as much again as is kept, but little more than there may ever be: the copy is paid for by the bytes that
  // come before the next one.
  #grow(added: number): void {
    const kept = this.length;
    const most = this.#most + Math.ceil(this.#most / 4);
    const room = Buffer.allocUnsafe(Math.min(2 * kept + added, most));
    room.set(this.bytes.subarray(this.at));
    this.#room = room;
    this.bytes = room.subarray(0, kept);
    this.at = 0;
  }

  #clear(): void {
    this.bytes = EMPTY;
    this.at = 0;
    this.#room = EMPTY;
  }
}

export function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
