/** The filter of blocks, which have one size or their length in front. Made in either thread, it runs in a worker. */
import { throwAt } from '../core/caller.ts';
import { integer, onlyKnown } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { show } from '../core/thrown.ts';
import { decimalLength, type BlockLength, type LengthCodec } from './block-length.ts';
import { type Filter } from './filter.ts';
import { bufferLimit, InputBytes } from './input-bytes.ts';
import { bytesOf, bytesOrText, textEncoding, type TextEncoding } from './text-bytes.ts';

export interface BlockFilterOptions {
  /** Bytes of every block, 1 or more; instead of `lengthCodec` and `maxLength`. */
  readonly blockSize?: number;
  /** How a block's length stands in front of it (default: decimal digits and a NUL byte). */
  readonly lengthCodec?: LengthCodec;
  /** Longest block in bytes, 1 or more (default 1 MiB). Counts for input only. */
  readonly maxLength?: number;
  /** Most bytes that may wait to be taken: at least a longest block + 64 KiB (default: 16 MiB more than a block). */
  readonly maxBuffer?: number;
  /** How text that is sent becomes bytes (default `'utf8'`). */
  readonly encoding?: TextEncoding;
}

const LENGTH_SIZE = 64;
const MOST = 2 ** 32;

/**
 * Blocks of bytes, of one size or with their length in front. Output of a fixed size passes through unchanged.
 *
 * A block longer than `maxLength` throws `FORKLESS_BLOCK_TOO_LONG` once, is dropped, and the next one parses. So does
 * garbage where a length should be, with `FORKLESS_BAD_BLOCK_LENGTH`. When the codec throws or gives nonsense, that
 * is thrown too, and all further input is discarded, as after `FORKLESS_INPUT_OVERFLOW` from `push`.
 */
export class BlockFilter implements Filter<Buffer, Uint8Array | string> {
  readonly #options: BlockFilterOptions;
  readonly #codec: LengthCodec | undefined;
  readonly #maxLength: number;
  readonly #input: InputBytes;
  readonly #encoding: TextEncoding;
  // The length of the block that is being received. It stays in the input until the block is whole, for `release`.
  #next: Required<BlockLength> | undefined;
  #toDrop = 0;
  #isGarbage = false;

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: BlockFilterOptions = {}) {
    try {
      onlyKnown(options, ['blockSize', 'lengthCodec', 'maxLength', 'maxBuffer', 'encoding']);
      const { blockSize, lengthCodec, maxLength = blockSize ?? 1024 * 1024, maxBuffer } = options;
      if (blockSize !== undefined) refuseBeside(options);
      this.#options = options;
      this.#codec = blockSize === undefined ? checkedCodec(lengthCodec ?? decimalLength) : undefined;
      this.#maxLength = integer(blockSize === undefined ? 'maxLength' : 'blockSize', maxLength, 1, MOST);
      this.#input = new InputBytes(bufferLimit(maxBuffer, this.#maxLength));
      this.#encoding = textEncoding(options.encoding);
    } catch (error) {
      throwAt(BlockFilter, error);
    }
  }

  push(chunk: Uint8Array): void {
    this.#input.push(chunk);
  }

  take(): Buffer | undefined {
    const input = this.#input;
    this.#next = this.#drop() ? (this.#next ?? this.#begin()) : undefined;
    if (this.#next === undefined || input.length < this.#next.size + this.#next.length) {
      input.keep();
      return undefined;
    }
    const { size, length } = this.#next;
    this.#next = undefined;
    return input.take(size + length).subarray(size);
  }

  /**
   * Throws a `RangeError` for a character that `'latin1'` does not have, and a `TypeError` for what is neither text nor
   * bytes.
   */
  encode(record: Uint8Array | string): Uint8Array | string {
    const given = bytesOrText(record);
    if (this.#codec === undefined && this.#encoding === 'utf8') return given;
    const block = typeof given === 'string' ? bytesOf(given, this.#encoding) : given;
    if (this.#codec === undefined) return block;
    const length = this.#codec.encode(block.length);
    return Buffer.concat([typeof length === 'string' ? Buffer.from(length, 'latin1') : length, block]);
  }

  release(): Uint8Array {
    this.#drop();
    this.#next = undefined;
    this.#toDrop = 0;
    this.#isGarbage = false;
    return this.#input.release();
  }

  clone(): BlockFilter {
    return new BlockFilter(this.#options);
  }

  // Passes what is to be dropped; false while there is more of it to come.
  #drop(): boolean {
    const count = Math.min(this.#toDrop, this.#input.length);
    this.#input.skip(count);
    this.#toDrop -= count;
    return this.#toDrop === 0;
  }

  #begin(): Required<BlockLength> | undefined {
    if (this.#codec === undefined) return { size: 0, length: this.#maxLength };
    for (;;) {
      const found = this.#decode(this.#codec);
      if (found === undefined) return undefined;
      const { size, length } = found;
      if (length === undefined) {
        this.#dropGarbage(size);
        continue;
      }
      this.#isGarbage = false;
      if (length <= this.#maxLength) return { size, length };
      this.#toDrop = size + length;
      throw errors.blockTooLong(length, this.#maxLength);
    }
  }

  #dropGarbage(size: number): void {
    const { bytes, at } = this.#input;
    const shown = show(bytes.toString('latin1', at, at + size));
    this.#input.skip(size);
    if (this.#isGarbage) return;
    this.#isGarbage = true;
    throw errors.badBlockLength(shown);
  }

  #decode(codec: LengthCodec): BlockLength | undefined {
    const { bytes, at, length } = this.#input;
    if (length === 0) return undefined;
    const window = bytes.subarray(at, at + LENGTH_SIZE);
    try {
      const found = codec.decode(window);
      if (found === undefined ? window.length < LENGTH_SIZE : isSane(found, window.length)) return found;
    } catch (cause) {
      throw this.#input.fail(errors.badBlockLength('what the codec refuses', cause));
    }
    throw this.#input.fail(errors.badBlockLength('nonsense from the codec'));
  }
}

function isSane({ size, length = 0 }: BlockLength, most: number): boolean {
  return Number.isInteger(size) && size > 0 && size <= most && Number.isSafeInteger(length) && length >= 0;
}

function refuseBeside({ blockSize, lengthCodec, maxLength }: BlockFilterOptions): void {
  const beside = lengthCodec ?? maxLength;
  if (beside === undefined) return;
  throw errors.badOption('blockSize', 'alone, without `lengthCodec` and `maxLength`', blockSize);
}

function checkedCodec(codec: unknown): LengthCodec {
  const { encode, decode } = Object(codec) as Partial<LengthCodec>;
  if (typeof encode === 'function' && typeof decode === 'function') return codec as LengthCodec;
  throw errors.badOption('lengthCodec', 'an object with `encode` and `decode`', codec);
}
