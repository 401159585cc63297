/**
 * The filter of references: values that a codec makes bytes of, JSON by default. Made in either thread, it runs in a
 * worker.
 */
import { throwAt } from '../core/caller.ts';
import { boolean, integer, onlyKnown } from '../core/check.ts';
import { errors, ForklessError } from '../core/errors.ts';
import { BlockFilter } from './block.ts';
import { DecodeRefusal, DEFAULT_LIMITS, type DecodeLimits } from './decode-budget.ts';
import { type Filter } from './filter.ts';
import { checkJson } from './json-size.ts';

/** How a value becomes bytes and back. Both may throw. */
export interface ReferenceCodec {
  encode(value: unknown): Uint8Array | string;
  /**
   * Must make data of bytes, never run them: they are a stranger's. A codec that takes much more memory than there are
   * bytes refuses what would pass the limits, before it takes it.
   */
  decode(bytes: Buffer, limits?: DecodeLimits): unknown;
}

/** How bytes become fewer and back. Both may throw. */
export interface Compression {
  deflate(bytes: Uint8Array): Uint8Array;
  /** Throws instead of making more than `most` bytes. */
  inflate(bytes: Buffer, most: number): Buffer;
}

export interface ReferenceFilterOptions {
  /** How values become bytes (default `jsonCodec`). */
  readonly codec?: ReferenceCodec;
  /** How these bytes are compressed (default: not). */
  readonly compression?: Compression;
  /** Longest reference in bytes, as it comes: 1 or more (default 1 MiB). Counts for input only. */
  readonly maxLength?: number;
  /** Longest reference in bytes, inflated: 1 or more (default 16 × `maxLength`). */
  readonly maxInflated?: number;
  /**
   * Most memory in bytes that a decoded value may take, by the codec's estimate from above: 1 or more (default 64 ×
   * `maxLength`). A codec of one's own may not look at it.
   */
  readonly maxDecoded?: number;
  /** How deep a value may be nested: 1 or more (default 1000). A codec of one's own may not look at it. */
  readonly maxDepth?: number;
  /** Most bytes that may wait to be taken: at least `maxLength` + 64 KiB (default `maxLength` + 16 MiB). */
  readonly maxBuffer?: number;
  /** Whether a bad reference is a record, the error's message, instead of a throw (default `false`). */
  readonly errorsAsText?: boolean;
}

const KNOWN = [
  'codec',
  'compression',
  'maxLength',
  'maxInflated',
  'maxDecoded',
  'maxDepth',
  'maxBuffer',
  'errorsAsText',
];
const MIB = 1024 * 1024;
const MOST = 2 ** 32;
const INFLATED = 16;
const DECODED = 64;

/** JSON in UTF-8: all that `JSON.stringify` keeps of a value. JSON that passes the limits is refused before it is parsed. */
export const jsonCodec: ReferenceCodec = {
  encode(value) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError('JSON has no such value');
    return text;
  },
  decode: (bytes, limits = DEFAULT_LIMITS): unknown => {
    checkJson(bytes, limits);
    return JSON.parse(bytes.toString());
  },
};

/**
 * Values, each as a block with its length in front in decimal digits and a NUL byte. `undefined` cannot be sent. One
 * that cannot be decoded, or passes a limit, throws `FORKLESS_BAD_REFERENCE` and the next one parses; the length of a block is handled
 * as in `BlockFilter`.
 */
export class ReferenceFilter<Value = unknown> implements Filter<Value, Value> {
  readonly #options: ReferenceFilterOptions;
  readonly #codec: ReferenceCodec;
  readonly #maxInflated: number;
  readonly #limits: DecodeLimits;
  readonly #blocks: BlockFilter;

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: ReferenceFilterOptions = {}) {
    try {
      onlyKnown(options, KNOWN);
      const { codec = jsonCodec, maxLength = MIB, maxBuffer } = options;
      boolean('errorsAsText', options.errorsAsText ?? false);
      this.#options = options;
      this.#codec = withBoth('codec', codec, 'encode', 'decode');
      if (options.compression !== undefined)
        withBoth('compression', options.compression, 'deflate', 'inflate');
      this.#blocks = new BlockFilter({ maxLength, ...(maxBuffer !== undefined && { maxBuffer }) });
      this.#maxInflated = integer(
        'maxInflated',
        options.maxInflated ?? Math.min(INFLATED * maxLength, MOST),
        1,
        MOST,
      );
      this.#limits = limitsOf(options, maxLength);
    } catch (error) {
      throwAt(ReferenceFilter, error);
    }
  }

  push(chunk: Uint8Array): void {
    this.#blocks.push(chunk);
  }

  /** With `errorsAsText` a record may also be a string that says what was wrong. */
  take(): Value | undefined {
    if (this.#options.errorsAsText !== true) return this.#take();
    try {
      return this.#take();
    } catch (error) {
      if (error instanceof ForklessError) return error.message as Value;
      throw error;
    }
  }

  /** Throws `FORKLESS_BAD_REFERENCE` for a value that the codec does not take. */
  encode(record: Value): Uint8Array | string {
    if (record === undefined) throw errors.badReference('cannot be undefined');
    try {
      const encoded = this.#codec.encode(record);
      const bytes = typeof encoded === 'string' ? Buffer.from(encoded) : encoded;
      return this.#blocks.encode(this.#options.compression?.deflate(bytes) ?? bytes);
    } catch (cause) {
      throw errors.badReference('cannot be encoded', cause);
    }
  }

  release(): Uint8Array {
    return this.#blocks.release();
  }

  clone(): ReferenceFilter<Value> {
    return new ReferenceFilter(this.#options);
  }

  #take(): Value | undefined {
    const block = this.#blocks.take();
    if (block === undefined) return undefined;
    let value: unknown;
    try {
      const bytes = this.#options.compression?.inflate(block, this.#maxInflated) ?? block;
      value = this.#codec.decode(bytes, this.#limits);
    } catch (cause) {
      if (cause instanceof DecodeRefusal)
        throw errors.badReference(`of ${block.length} bytes is refused: ${cause.message}`);
      throw errors.badReference(`of ${block.length} bytes cannot be decoded`, cause);
    }
    // Given as a record it would mean that more input is needed.
    if (value === undefined) throw errors.badReference('was decoded to undefined');
    return value as Value;
  }
}

function withBoth<T extends object>(
  name: string,
  given: T,
  first: keyof T & string,
  second: keyof T & string,
): T {
  const object = Object(given) as T;
  if (typeof object[first] === 'function' && typeof object[second] === 'function') return given;
  throw errors.badOption(name, `an object with \`${first}\` and \`${second}\``, given);
}

const limitsOf = (options: ReferenceFilterOptions, maxLength: number): DecodeLimits => ({
  maxDecoded: integer('maxDecoded', options.maxDecoded ?? DECODED * maxLength, 1),
  maxDepth: integer('maxDepth', options.maxDepth ?? DEFAULT_LIMITS.maxDepth, 1),
});
