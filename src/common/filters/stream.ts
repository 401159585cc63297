/** The filter that gives bytes as they come. Made in either thread, it runs in a worker. */
import { throwAt } from '../core/caller.ts';
import { onlyKnown } from '../core/check.ts';
import { type Filter } from './filter.ts';
import { bufferLimit, InputBytes } from './input-bytes.ts';
import { bytesOf, textEncoding, type TextEncoding } from './text-bytes.ts';

export interface StreamFilterOptions {
  /** Most bytes that may wait to be taken: at least 64 KiB (default 16 MiB). */
  readonly maxBuffer?: number;
  /** How text that is sent becomes bytes (default `'utf8'`). */
  readonly encoding?: TextEncoding;
}

/**
 * Bytes as they come: each record is everything that was pushed since the last one, as one Buffer, never empty.
 * A single chunk is passed on without a copy. Output passes through unchanged. More than `maxBuffer` waiting bytes
 * throw `FORKLESS_INPUT_OVERFLOW` in `push`; all further input is discarded then.
 */
export class StreamFilter implements Filter<Buffer, Uint8Array | string> {
  readonly #options: StreamFilterOptions;
  readonly #input: InputBytes;
  readonly #encoding: TextEncoding;

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: StreamFilterOptions = {}) {
    try {
      onlyKnown(options, ['maxBuffer', 'encoding']);
      this.#options = options;
      this.#input = new InputBytes(bufferLimit(options.maxBuffer, 0));
      this.#encoding = textEncoding(options.encoding);
    } catch (error) {
      throwAt(StreamFilter, error);
    }
  }

  push(chunk: Uint8Array): void {
    this.#input.push(chunk);
  }

  take(): Buffer | undefined {
    const { length } = this.#input;
    return length === 0 ? undefined : this.#input.take(length);
  }

  /** Throws a `RangeError` for a character that `'latin1'` does not have. */
  encode(record: Uint8Array | string): Uint8Array | string {
    // UTF-8 is what text becomes in a socket anyway.
    return typeof record !== 'string' || this.#encoding === 'utf8' ? record : bytesOf(record, this.#encoding);
  }

  release(): Buffer {
    return this.#input.release();
  }

  clone(): StreamFilter {
    return new StreamFilter(this.#options);
  }
}
