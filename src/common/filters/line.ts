/** The filter of lines of text, which clients have by default. Made in either thread, it runs in a worker. */
import { throwAt } from '../core/caller.ts';
import { boolean, integer, onlyKnown } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { type Filter } from './filter.ts';
import { bufferLimit, InputBytes } from './input-bytes.ts';
import { AnyEnds, DetectedEnds, LiteralEnds, PatternEnds, type LineEnds } from './line-ends.ts';
import { bytesOf, bytesOrText, isWide, textEncoding, type TextEncoding } from './text-bytes.ts';

export interface LineFilterOptions {
  /** How bytes become text and back (default `'utf8'`). `'latin1'` keeps every byte as it is. */
  readonly encoding?: TextEncoding;
  /** Longest line in bytes, without its end: 1 to 536 870 888, the longest string there is (default 1 MiB). */
  readonly maxLength?: number;
  /** Most bytes that may wait to be taken: at least `maxLength` + 64 KiB (default `maxLength` + 16 MiB). */
  readonly maxBuffer?: number;
  /** The end of a line in both directions, instead of `inputLiteral` and `outputLiteral`. Not empty. */
  readonly literal?: string | Uint8Array;
  /** The end of an input line (default: CR, LF, CRLF or LFCR, in any mix). Not empty. */
  readonly inputLiteral?: string | Uint8Array;
  /** The text that is put behind an output line (default CRLF). Not empty. */
  readonly outputLiteral?: string | Uint8Array;
  /**
   * The end of an input line as a pattern: a match of 1 to 64 bytes, taken as latin1 whatever the encoding. It sees only a part
   * of the input, so anchors and lookbehind have no use; a match at the end of what has arrived counts as it stands.
   */
  readonly inputRegexp?: RegExp;
  /** Whether the first line end of the input (CR, LF, CRLF or LFCR) becomes the only one (default `false`). */
  readonly autodetect?: boolean;
  /** Whether a pair that comes in two reads is one end (default `true`). With `false` it is two, and a line more. */
  readonly joinSplitPair?: boolean;
}

const NONE = -1;
const LONGEST_STRING = 536_870_888;
const KNOWN = [
  'encoding',
  'maxLength',
  'maxBuffer',
  'literal',
  'inputLiteral',
  'outputLiteral',
  'inputRegexp',
  'autodetect',
  'joinSplitPair',
];

/**
 * Lines of text, as strings without their end. Empty lines count. A line longer than `maxLength` throws
 * `FORKLESS_LINE_TOO_LONG` once, is dropped up to its end, and the next one parses. More than `maxBuffer` waiting
 * bytes throw `FORKLESS_INPUT_OVERFLOW` in `push`; all further input is discarded then.
 */
export class LineFilter implements Filter<string, string> {
  readonly #options: LineFilterOptions;
  readonly #encoding: TextEncoding;
  readonly #maxLength: number;
  readonly #input: InputBytes;
  readonly #outputEnd: string | Buffer;
  #ends: LineEnds;
  // Bytes of the line so far in which no end begins.
  #scanned = 0;
  #overlong = false;

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: LineFilterOptions = {}) {
    try {
      onlyKnown(options, KNOWN);
      const {
        encoding = 'utf8',
        maxLength = 1024 * 1024,
        maxBuffer,
        literal,
        outputLiteral = '\r\n',
      } = options;
      this.#encoding = textEncoding(encoding);
      this.#maxLength = integer('maxLength', maxLength, 1, LONGEST_STRING);
      this.#input = new InputBytes(bufferLimit(maxBuffer, this.#maxLength));
      checkFlags(options);
      refuseContradictions(options);
      this.#options = options;
      this.#ends = endsFor(options, this.#encoding);
      this.#outputEnd = outputEnd(
        literalBytes('outputLiteral', literal ?? outputLiteral, encoding),
        encoding,
      );
    } catch (error) {
      throwAt(LineFilter, error);
    }
  }

  push(chunk: Uint8Array): void {
    this.#input.push(chunk);
  }

  take(): string | undefined {
    const input = this.#input;
    for (;;) {
      this.#passRest();
      const { bytes, at } = input;
      const end = this.#ends.find(bytes, at + this.#scanned);
      if (end === NONE) {
        this.#wait();
        return undefined;
      }
      const length = end - at;
      const isGood = !this.#overlong && length <= this.#maxLength;
      const line = isGood ? bytes.toString(this.#encoding, at, end) : undefined;
      this.#begin(length + this.#ends.width);
      if (line !== undefined) return line;
      if (!this.#overlong) throw errors.lineTooLong(length, this.#maxLength);
      this.#overlong = false;
    }
  }

  /**
   * Throws a `RangeError` for a character that `'latin1'` does not have, and a `TypeError` for what is neither text nor
   * bytes.
   */
  encode(record: string): Uint8Array | string {
    const end = this.#outputEnd;
    // Programs without types also send what another filter has read.
    const given = bytesOrText(record);
    if (typeof given === 'string' && typeof end === 'string') {
      return this.#encoding === 'utf8' ? given + end : bytesOf(given + end, this.#encoding);
    }
    const line = typeof given === 'string' ? bytesOf(given, this.#encoding) : given;
    return Buffer.concat([line, typeof end === 'string' ? Buffer.from(end, this.#encoding) : end]);
  }

  /** Half of a split pair that was to come next is forgotten too: the next filter sees it as input. */
  release(): Uint8Array {
    this.#passRest();
    this.#ends = endsFor(this.#options, this.#encoding);
    this.#scanned = 0;
    this.#overlong = false;
    return this.#input.release();
  }

  clone(): LineFilter {
    return new LineFilter(this.#options);
  }

  #passRest(): void {
    const next = this.#input.bytes[this.#input.at];
    if (next !== undefined && this.#scanned === 0 && !this.#overlong) this.#input.skip(this.#ends.rest(next));
  }

  #begin(used: number): void {
    this.#input.skip(used);
    this.#scanned = 0;
  }

  // The line has no end yet.
  #wait(): void {
    const input = this.#input;
    const { lookback } = this.#ends;
    this.#scanned = Math.max(0, input.length - lookback);
    if (this.#overlong) this.#begin(this.#scanned);
    else if (this.#scanned > this.#maxLength) this.#dropOverlong();
    input.keep();
  }

  #dropOverlong(): void {
    const { length } = this.#input;
    this.#overlong = true;
    this.#begin(this.#scanned);
    throw errors.lineTooLong(length, this.#maxLength);
  }
}

function checkFlags({ autodetect = false, joinSplitPair = true }: LineFilterOptions): void {
  boolean('autodetect', autodetect);
  boolean('joinSplitPair', joinSplitPair);
}

function refuseContradictions(options: LineFilterOptions): void {
  const { literal, inputLiteral, outputLiteral, inputRegexp, autodetect, joinSplitPair } = options;
  if (literal !== undefined && (inputLiteral ?? outputLiteral) !== undefined) {
    throw errors.badOption('literal', 'alone, without `inputLiteral` and `outputLiteral`', literal);
  }
  const ends = { literal, inputLiteral, inputRegexp, autodetect: autodetect === true || undefined };
  const given = Object.entries(ends).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length > 1)
    throw errors.badOption(
      given[1] ?? '',
      `without \`${given[0]}\``,
      options[given[1] as keyof LineFilterOptions],
    );
  if (given.length > 0 && joinSplitPair !== undefined) {
    throw errors.badOption('joinSplitPair', `without \`${given[0]}\``, joinSplitPair);
  }
}

function endsFor(options: LineFilterOptions, encoding: TextEncoding): LineEnds {
  const { literal, inputLiteral = literal, inputRegexp, autodetect = false, joinSplitPair = true } = options;
  if (inputRegexp !== undefined) return new PatternEnds(checkedPattern(inputRegexp));
  if (inputLiteral !== undefined)
    return new LiteralEnds(literalBytes('inputLiteral', inputLiteral, encoding));
  return autodetect ? new DetectedEnds() : new AnyEnds(joinSplitPair);
}

function checkedPattern(pattern: unknown): RegExp {
  if (pattern instanceof RegExp && !pattern.test('')) return pattern;
  throw errors.badOption('inputRegexp', 'a RegExp that does not match nothing', pattern);
}

function literalBytes(name: string, literal: unknown, encoding: TextEncoding): Buffer {
  if (literal instanceof Uint8Array && literal.length > 0) return Buffer.from(literal);
  if (typeof literal !== 'string' || literal === '')
    throw errors.badOption(name, 'a string or bytes, not empty', literal);
  if (encoding === 'latin1' && isWide(literal))
    throw errors.badOption(name, 'bytes, or of characters that latin1 has', literal);
  return Buffer.from(literal, encoding);
}

// Text, where it can be: put behind a line it costs nothing.
function outputEnd(end: Buffer, encoding: TextEncoding): string | Buffer {
  const text = end.toString(encoding);
  return Buffer.from(text, encoding).equals(end) ? text : end;
}
