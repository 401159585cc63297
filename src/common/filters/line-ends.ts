/** The ways in which the filter of lines finds where a line ends. Made in either thread, they run in a worker. */

/** Finds where lines end. An object serves a single stream of input. */
export interface LineEnds {
  /** Bytes at the end of the input that may be the beginning of an end. */
  readonly lookback: number;
  /** Bytes of the end that `find` found last. */
  readonly width: number;
  /** Where the first end at or after `from` begins, or -1. */
  find(bytes: Buffer, from: number): number;
  /** How many bytes, of which `byte` is the next, still belong to the end found last. */
  rest(byte: number): 0 | 1;
}

const CR = 0x0d;
const LF = 0x0a;
const NONE = -1;

/** CR, LF, CRLF and LFCR, in any mix. */
export class AnyEnds implements LineEnds {
  readonly lookback: number = 0;
  readonly #joins: boolean;
  width: number = 0;
  // The byte that still belongs to the last end, should it come next.
  #partner = NONE;

  /** `joins`: whether a pair that comes in two reads is one end. */
  constructor(joins: boolean) {
    this.#joins = joins;
  }

  find(bytes: Buffer, from: number): number {
    const at = firstEnd(bytes, from);
    if (at === NONE) return NONE;
    const partner = partnerOf(bytes[at]);
    this.width = bytes[at + 1] === partner ? 2 : 1;
    this.#partner = this.#joins && at + 1 === bytes.length ? partner : NONE;
    return at;
  }

  rest(byte: number): 0 | 1 {
    const joins = byte === this.#partner;
    this.#partner = NONE;
    return joins ? 1 : 0;
  }
}

/** A line end that is a fixed sequence of bytes. */
export class LiteralEnds implements LineEnds {
  readonly lookback: number;
  readonly width: number;
  readonly #literal: Buffer;

  constructor(literal: Buffer) {
    this.#literal = literal;
    this.width = literal.length;
    this.lookback = literal.length - 1;
  }

  find(bytes: Buffer, from: number): number {
    return bytes.indexOf(this.#literal, from);
  }

  rest(): 0 {
    return 0;
  }
}

/** The first CR, LF, CRLF or LFCR of the input, and from then on only that. */
export class DetectedEnds implements LineEnds {
  #first: number = NONE;
  #ends: LineEnds = new AnyEnds(true);

  get lookback(): number {
    return this.#ends.lookback;
  }

  get width(): number {
    return this.#ends.width;
  }

  find(bytes: Buffer, from: number): number {
    const at = this.#ends.find(bytes, from);
    if (at === NONE || this.#ends instanceof LiteralEnds) return at;
    const end = bytes.subarray(at, at + this.width);
    // A single byte that came last may be half of a pair: `rest` will tell.
    if (at + end.length < bytes.length || end.length === 2) this.#ends = new LiteralEnds(Buffer.from(end));
    else this.#first = bytes[at] ?? NONE;
    return at;
  }

  rest(byte: number): 0 | 1 {
    if (this.#first === NONE) return 0;
    const joins = byte === partnerOf(this.#first);
    this.#ends = new LiteralEnds(joins ? Buffer.of(this.#first, byte) : Buffer.of(this.#first));
    this.#first = NONE;
    return joins ? 1 : 0;
  }
}

const LONGEST_MATCH = 64;
const WINDOW = 1024;

/** A line end that a pattern matches in the bytes taken as latin1: 1 to 64 of them. */
export class PatternEnds implements LineEnds {
  readonly lookback: number = LONGEST_MATCH - 1;
  readonly #pattern: RegExp;
  width: number = 0;

  constructor(pattern: RegExp) {
    this.#pattern = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  }

  // Looks at a window at a time: decoding all that is kept for each line would cost the square of it.
  find(bytes: Buffer, from: number): number {
    let start = from;
    for (;;) {
      const stop = Math.min(start + WINDOW, bytes.length);
      const at = this.#findWithin(bytes, start, stop);
      const isLast = stop === bytes.length;
      if (at === NONE) {
        if (isLast) return NONE;
        start = stop - this.lookback;
      } else {
        // A match that reaches the edge of the window may go on behind it.
        if (isLast || at === start || at + this.width < stop) return at;
        start = at;
      }
    }
  }

  rest(): 0 {
    return 0;
  }

  #findWithin(bytes: Buffer, start: number, stop: number): number {
    const match = this.#pattern.exec(bytes.toString('latin1', start, stop));
    if (match === null || match[0] === '') return NONE;
    this.width = match[0].length;
    return start + match.index;
  }
}

function firstEnd(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === LF || byte === CR) return at;
  }
  return NONE;
}

function partnerOf(byte: number | undefined): number {
  return byte === CR ? LF : CR;
}
