import { integer, oneOf } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { type Filter } from './filter.ts';
import { GrowingBytes } from './growing-bytes.ts';

export interface LineFilterOptions {
  /** How bytes become text and back (default `'utf8'`). `'latin1'` keeps every byte as it is. */
  readonly encoding?: 'utf8' | 'latin1';
  /** Longest line in bytes, without its end: 1 to 536 870 888, the longest string there is (default 1 MiB). */
  readonly maxLength?: number;
}

const CR = 0x0d;
const LF = 0x0a;
const NONE = -1;
const EMPTY = Buffer.alloc(0);
const LONGEST_STRING = 536_870_888;

/**
 * Lines of text, as strings without their end. Input lines end at CR, LF, CRLF or LFCR, in any mix, also when a
 * pair is split between two reads; empty lines count. Output lines get CRLF. A line longer than `maxLength`
 * throws `FORKLESS_LINE_TOO_LONG` once, is dropped up to its end, and the next one parses. Holds at most
 * `maxLength` bytes besides what was pushed and not taken yet.
 */
export class LineFilter implements Filter<string, string> {
  readonly #encoding: 'utf8' | 'latin1';
  readonly #maxLength: number;
  readonly #head: GrowingBytes;
  #chunk: Buffer = EMPTY;
  #at = 0;
  #later: Buffer[] = [];
  #nextLater = 0;
  // The byte that still belongs to the last line's end, should it come next.
  #partner = NONE;
  #overlong = false;

  /** Throws `FORKLESS_BAD_OPTION`. */
  constructor({ encoding = 'utf8', maxLength = 1024 * 1024 }: LineFilterOptions = {}) {
    this.#encoding = oneOf('encoding', encoding, ['utf8', 'latin1']);
    this.#maxLength = integer('maxLength', maxLength, 1, LONGEST_STRING);
    this.#head = new GrowingBytes(this.#maxLength);
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#later.push(asBuffer(chunk));
  }

  take(): string | undefined {
    while (this.#load()) {
      const from = this.#at;
      const end = endOfLine(this.#chunk, from);
      if (end === NONE) {
        this.#keepRest();
        continue;
      }
      this.#passEnd(end);
      if (!this.#overlong) return this.#line(from, end);
      this.#overlong = false;
    }
    return undefined;
  }

  /** Throws a `RangeError` for a character that `'latin1'` does not have. */
  encode(record: string): Uint8Array | string {
    const line = `${record}\r\n`;
    if (this.#encoding === 'utf8') return line;
    // Cut to eight bits, U+010A would become a line feed and a record two.
    if (/[^\0-\xff]/.test(line)) throw new RangeError('A record has a character that latin1 does not have');
    return Buffer.from(line, 'latin1');
  }

  /** Half of a split pair that was to come next is forgotten too: the next filter sees it as input. */
  release(): Uint8Array {
    const rest = this.#load() ? [this.#chunk.subarray(this.#at), ...this.#later.slice(this.#nextLater)] : [];
    const all = Buffer.concat([this.#head.takeAll(), ...rest]);
    this.#chunk = EMPTY;
    this.#at = 0;
    this.#later = [];
    this.#nextLater = 0;
    this.#partner = NONE;
    this.#overlong = false;
    return all;
  }

  clone(): LineFilter {
    return new LineFilter({ encoding: this.#encoding, maxLength: this.#maxLength });
  }

  // Moves to the next byte that belongs to a line; false if there is none yet.
  #load(): boolean {
    for (;;) {
      if (this.#at < this.#chunk.length) {
        if (this.#chunk[this.#at] === this.#partner) this.#at += 1;
        this.#partner = NONE;
        if (this.#at < this.#chunk.length) return true;
      }
      const next = this.#later[this.#nextLater];
      this.#chunk = next ?? EMPTY;
      this.#at = 0;
      if (next !== undefined) {
        // Read chunks are let go at once: a filter that is never quite drained would hold them all.
        this.#later[this.#nextLater] = EMPTY;
        this.#nextLater += 1;
        continue;
      }
      this.#later.length = 0;
      this.#nextLater = 0;
      return false;
    }
  }

  #keepRest(): void {
    const from = this.#at;
    this.#at = this.#chunk.length;
    if (this.#overlong) return;
    this.#overlong = this.#head.length + this.#at - from > this.#maxLength;
    this.#refuseOverlong(this.#at - from);
    this.#head.append(this.#chunk.subarray(from));
  }

  #passEnd(end: number): void {
    this.#partner = this.#chunk[end] === CR ? LF : CR;
    this.#at = end + 1;
  }

  #line(from: number, end: number): string {
    this.#refuseOverlong(end - from);
    if (this.#head.length === 0) return this.#chunk.toString(this.#encoding, from, end);
    this.#head.append(this.#chunk.subarray(from, end));
    return this.#head.takeAll().toString(this.#encoding);
  }

  #refuseOverlong(added: number): void {
    const length = this.#head.length + added;
    if (length <= this.#maxLength) return;
    this.#head.clear();
    throw errors.lineTooLong(length, this.#maxLength);
  }
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function endOfLine(chunk: Buffer, from: number): number {
  for (let at = from; at < chunk.length; at += 1) {
    const byte = chunk[at];
    if (byte === LF || byte === CR) return at;
  }
  return NONE;
}
