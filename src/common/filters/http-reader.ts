/** A cursor over the input of the HTTP filter, and the error by which a request is refused. Runs in a worker. */
import { type InputBytes } from './input-bytes.ts';

/** Why a request is refused, by the status that says so. Never leaves the filter. */
export class HttpFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const LF = 0x0a;
const CR = 0x0d;

/** Reads on in the input without using it: the cursor is counted from where the request begins. */
export class HttpReader {
  readonly #input: InputBytes;
  readonly #bareLf: boolean;
  cursor: number = 0;
  // Bytes behind the cursor in which no line ends.
  #scanned = 0;

  constructor(input: InputBytes, bareLf: boolean) {
    this.#input = input;
    this.#bareLf = bareLf;
  }

  /** A line without its end, or `undefined` when it is not whole yet. Past `most` bytes it is refused. */
  line(most: number, status: number, why: string): string | undefined {
    const { bytes } = this.#input;
    const from = this.#input.at + this.cursor;
    const end = bytes.indexOf(LF, from + this.#scanned);
    const size = (end === -1 ? bytes.length : end + 1) - from;
    if (size > most) throw new HttpFault(status, why);
    this.#scanned = end === -1 ? size : 0;
    if (end === -1) return undefined;
    this.cursor += size;
    return this.#checked(bytes, from, end);
  }

  /** The next `count` bytes, or `undefined` when there are not as many yet. */
  bytes(count: number): Buffer | undefined {
    const some = this.some(count);
    if (some.length < count) return undefined;
    this.cursor += count;
    return some;
  }

  /** Up to `count` of the next bytes; the cursor stays. */
  some(count: number): Buffer {
    const from = this.#input.at + this.cursor;
    return this.#input.bytes.subarray(from, from + count);
  }

  /** The input up to the cursor is used; a line that has begun there is not looked through again. */
  use(): void {
    this.#input.skip(this.cursor);
    this.cursor = 0;
  }

  reset(): void {
    this.cursor = 0;
    this.#scanned = 0;
  }

  // Requests could be smuggled by bytes that one reader takes for the end of a line and another does not.
  #checked(bytes: Buffer, from: number, end: number): string {
    const hasCr = end > from && bytes[end - 1] === CR;
    if (!hasCr && !this.#bareLf) throw new HttpFault(400, 'A line ends by a line feed alone.');
    const line = bytes.toString('latin1', from, hasCr ? end - 1 : end);
    if (line.includes('\r')) throw new HttpFault(400, 'A carriage return without a line feed.');
    return line;
  }
}
