/** The bound of the output that HTTP/2 streams and pipelined responses hold above their socket. Runs in a worker. */
import { type Writable } from 'node:stream';
import { errors } from '../common/core/errors.ts';

// A waiting write is a few objects beside its bytes, whatever its length.
const COST_OF_A_WRITE = 256;

type Done = (error?: Error | null) => void;
type Write = (chunk: unknown, encoding?: unknown, done?: unknown) => boolean;
type End = (chunk?: unknown, encoding?: unknown, done?: unknown) => unknown;

/** A stream of bytes that lies above a socket: an HTTP/2 stream, or a response that waits for its turn. */
export type Upper = Pick<Writable, 'writableLength' | 'on' | 'once'> & { write: unknown; end: unknown };

interface Held {
  readonly stream: Upper;
  /** Writes that are not done. */
  writes: number;
  /** What it held when it was last looked at. */
  seen: number;
}

/**
 * The output that the streams of one connection hold above its socket, which counts only what has come down to it. As
 * on the socket, a further write past the bound is too much, and the first one may be of any length.
 */
export class HeldOutput {
  readonly #max: number;
  readonly #overflow: (error: Error) => void;
  readonly #held = new Set<Held>();
  #sum = 0;
  #over = false;

  constructor(max: number, overflow: (error: Error) => void) {
    this.#max = max;
    this.#overflow = overflow;
  }

  /** Counts what this stream is given from now on. */
  add(stream: Upper): void {
    const held: Held = { stream, writes: 0, seen: 0 };
    this.#held.add(held);
    stream.once('close', () => this.#held.delete(held));
    const left: Done = () => {
      held.writes -= 1;
    };
    const write = (stream.write as Write).bind(stream);
    const end = (stream.end as End).bind(stream);
    stream.write = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
      this.#look(held);
      held.writes += 1;
      const given = typeof encoding === 'function' ? encoding : done;
      const told =
        typeof given === 'function'
          ? (error?: Error | null): void => {
              left();
              (given as Done)(error);
            }
          : left;
      const more = write(chunk, typeof encoding === 'function' ? undefined : encoding, told);
      this.#count(held);
      return more;
    };
    stream.end = (...given: Parameters<End>): unknown => {
      this.#look(held);
      const ended = end(...given);
      this.#count(held);
      return ended;
    };
  }

  #look(held: Held): void {
    // It may have sent something since.
    this.#count(held);
    if (this.#sum <= this.#max || this.#over) return;
    // And so may others.
    this.#sum = 0;
    for (const each of this.#held) {
      each.seen = 0;
      this.#count(each);
    }
    if (this.#sum <= this.#max) return;
    this.#over = true;
    // Nobody need listen to each stream for what ends all of them.
    for (const { stream } of this.#held) stream.on('error', () => undefined);
    this.#overflow(errors.outputOverflow(this.#sum, this.#max));
  }

  #count(held: Held): void {
    const now = held.stream.writableLength + held.writes * COST_OF_A_WRITE;
    this.#sum += now - held.seen;
    held.seen = now;
  }
}
