import { type Filter } from './filter.ts';

/**
 * Bytes as they come: each record is everything that was pushed since the last one, as one Buffer, never empty.
 * A single chunk is handed on without a copy. Output passes through unchanged.
 */
export class StreamFilter implements Filter<Buffer, Uint8Array | string> {
  #chunks: Uint8Array[] = [];

  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  take(): Buffer | undefined {
    return this.#chunks.length === 0 ? undefined : this.release();
  }

  encode(record: Uint8Array | string): Uint8Array | string {
    return record;
  }

  release(): Buffer {
    const [first, ...others] = this.#chunks;
    this.#chunks = [];
    if (first === undefined) return Buffer.alloc(0);
    if (others.length > 0) return Buffer.concat([first, ...others]);
    return Buffer.isBuffer(first) ? first : Buffer.from(first.buffer, first.byteOffset, first.byteLength);
  }

  clone(): StreamFilter {
    return new StreamFilter();
  }
}
