/** The decoder of chunked request bodies in the HTTP filter. Runs in a worker. */
import { GrowingBytes } from './growing-bytes.ts';
import { parseHeader } from './http-head.ts';
import { HttpFault, type HttpReader } from './http-reader.ts';

const SIZE = /^([0-9A-Fa-f]{1,8})(;[\t\x20-\x7e\x80-\xff]*)?$/;
const SIZE_DIGITS = 8;
const LINE_END = 2;
const TOO_LONG = 'Chunk extensions or trailers too long.';

export interface ChunkedLimits {
  readonly maxBody: number;
  /** The most bytes of all chunk extensions and trailers together. */
  readonly maxHeaderSize: number;
  /** The most trailers. */
  readonly maxHeaders: number;
}

/** A chunked body as it comes in. Trailers are checked and dropped. */
export class ChunkedBody {
  readonly #reader: HttpReader;
  // The bytes that further chunks may have.
  #room: number;
  readonly #body: GrowingBytes;
  // The bytes that extensions and trailers may still take: they count as headers do.
  #spare: number;
  #trailersLeft: number;
  #part: 'size' | 'data' | 'data end' | 'trailers' | 'all' = 'size';
  #chunkLeft = 0;

  constructor(reader: HttpReader, limits: ChunkedLimits) {
    this.#reader = reader;
    this.#room = limits.maxBody;
    this.#body = new GrowingBytes(limits.maxBody);
    this.#spare = limits.maxHeaderSize;
    this.#trailersLeft = limits.maxHeaders;
  }

  /** Reads what there is; whether that was the end of the body. Throws an `HttpFault`. */
  read(): boolean {
    while (this.#step()) if (this.#part === 'all') return true;
    return false;
  }

  /** The content that was read since the last time; the buffer is the caller's. */
  take(): Buffer {
    return this.#body.takeAll();
  }

  // Does one part; false when there is not enough input for it.
  #step(): boolean {
    switch (this.#part) {
      case 'size':
        return this.#size();
      case 'data':
        return this.#data();
      case 'data end':
        return this.#dataEnd();
      case 'trailers':
        return this.#trailer();
      case 'all':
        return true;
    }
  }

  #size(): boolean {
    const line = this.#reader.line(this.#spare + SIZE_DIGITS + LINE_END, 431, TOO_LONG);
    if (line === undefined) return false;
    const [, digits = '', extension = ''] = SIZE.exec(line) ?? [];
    if (digits === '') throw new HttpFault(400, 'Bad chunk size.');
    this.#pay(extension.length);
    this.#chunkLeft = Number.parseInt(digits, 16);
    this.#room -= this.#chunkLeft;
    if (this.#room < 0) throw new HttpFault(413, 'Content too large.');
    this.#part = this.#chunkLeft === 0 ? 'trailers' : 'data';
    return true;
  }

  #data(): boolean {
    const piece = this.#reader.some(this.#chunkLeft);
    this.#body.append(piece);
    this.#reader.cursor += piece.length;
    this.#chunkLeft -= piece.length;
    if (this.#chunkLeft > 0) return false;
    this.#part = 'data end';
    return true;
  }

  #dataEnd(): boolean {
    const end = this.#reader.line(LINE_END, 400, 'A chunk is longer than its size.');
    if (end === undefined) return false;
    if (end !== '') throw new HttpFault(400, 'A chunk is longer than its size.');
    this.#part = 'size';
    return true;
  }

  #trailer(): boolean {
    const line = this.#reader.line(this.#spare + LINE_END, 431, TOO_LONG);
    if (line === undefined) return false;
    if (line === '') this.#part = 'all';
    else this.#check(line);
    return true;
  }

  #check(trailer: string): void {
    this.#pay(trailer.length);
    this.#trailersLeft -= 1;
    if (this.#trailersLeft < 0) throw new HttpFault(431, 'Too many trailers.');
    parseHeader(trailer);
  }

  #pay(size: number): void {
    this.#spare -= size;
    if (this.#spare < 0) throw new HttpFault(431, TOO_LONG);
  }
}
