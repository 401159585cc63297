/** The bound of the output that waits in one socket. Runs in a worker. */
import { type Writable } from 'node:stream';
import { errors, type ForklessError } from '../../common/core/errors.ts';

/**
 * The cost of a write that waits, beside its bytes: the stream's entry for it, the Buffer, its place in lists (measured: 145
 * bytes on Node 20 and 26). If bytes alone counted, a handler that answers each of a million empty lines would hold a hundred
 * times `maxOutput`.
 */
export const WRITE_COST = 160;

/**
 * Holds the writes that wait in one socket to `maxOutput`. It also holds protocols that cork the socket for each of their
 * writes, as HTTP and WebSocket do. One write of any size passes where little waits; the next one finds it waiting.
 */
export class OutputBound {
  readonly #stream: Writable;
  readonly #most: number;
  #writes = 0;
  /** The largest write since the stream was corked: one large body passes with its head and tail. */
  #largest = 0;

  constructor(stream: Writable, most: number) {
    this.#stream = stream;
    this.#most = most;
  }

  /** Writes that wait. */
  get writes(): number {
    return this.#writes;
  }

  /** The cost of the writes that wait, in bytes. */
  get cost(): number {
    return this.#stream.writableLength + this.#writes * WRITE_COST;
  }

  /** To be called when the stream is about to be corked, and was not. */
  corked(): void {
    this.#largest = 0;
  }

  /** To be asked before a write that must wait: the error if more waits already than may. */
  overflow(): ForklessError | undefined {
    const waiting = this.cost;
    const single = this.#stream.writableCorked > 0 ? this.#largest : 0;
    return waiting - single > this.#most ? errors.outputOverflow(waiting, this.#most) : undefined;
  }

  /** A write waits that has lengthened the queue by so many bytes. */
  wrote(bytes: number): void {
    this.#writes += 1;
    if (bytes > this.#largest) this.#largest = bytes;
  }

  /** So many writes wait no more. */
  left(writes: number): void {
    this.#writes = Math.max(0, this.#writes - writes);
  }
}

/**
 * To be asked before each write: whether it must wait. A stream in which more waits than may is destroyed, since a handler
 * may write on and on without a look at the result.
 */
export function mustWait(stream: Writable, chunk: unknown, bound: OutputBound | undefined): boolean {
  const waits = stream.writableLength > 0 || stream.writableCorked > 0;
  const overflow = waits && chunk !== '' ? bound?.overflow() : undefined;
  if (overflow) stream.destroy(overflow);
  return waits;
}

type Done = (error?: Error | null) => void;
type Writes = { chunk: unknown; encoding: BufferEncoding }[];
type Write = (chunk: unknown, encoding?: unknown, done?: unknown) => boolean;

/** Bounds the output of a stream whose class is not ours; past `most` it is destroyed with `FORKLESS_OUTPUT_OVERFLOW`. */
export function boundOutput(stream: Writable, most: number): OutputBound {
  const bound = new OutputBound(stream, most);
  const write = stream.write.bind(stream) as Write;
  const cork = stream.cork.bind(stream);
  const handOver = stream._write.bind(stream);
  const handAllOver = stream._writev?.bind(stream);
  Object.assign(stream, {
    write: (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
      const before = stream.writableLength;
      const waits = mustWait(stream, chunk, bound);
      const goOn = write(chunk, encoding, done);
      if (waits) bound.wrote(stream.writableLength - before);
      return goOn;
    },
    cork: (): void => {
      if (stream.writableCorked === 0) bound.corked();
      cork();
    },
    _write: (chunk: unknown, encoding: BufferEncoding, done: Done): void => {
      bound.left(1);
      handOver(chunk, encoding, done);
    },
    ...(handAllOver && {
      _writev: (writes: Writes, done: Done): void => {
        bound.left(writes.length);
        handAllOver(writes, done);
      },
    }),
  });
  return bound;
}
