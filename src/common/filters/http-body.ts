/** The body of a request in the HTTP filter. Runs in a worker. */
import { ChunkedBody, type ChunkedLimits } from './http-chunked.ts';
import { type Framing } from './http-head.ts';
import { type HttpBodyPart } from './http-message.ts';
import { HttpFault, type HttpReader } from './http-reader.ts';

/** The body of one request as it comes in, taken either whole or in parts. */
export class RequestBody {
  readonly #reader: HttpReader;
  readonly #chunked: ChunkedBody | undefined;
  /** The bytes that are still to come of a body whose length was given. */
  #remaining: number;
  #fault: HttpFault | undefined;

  constructor(reader: HttpReader, framing: Framing, limits: ChunkedLimits) {
    this.#reader = reader;
    this.#chunked = framing.chunked ? new ChunkedBody(reader, limits) : undefined;
    this.#remaining = framing.chunked ? 0 : framing.length;
  }

  /** Whether there is nothing to come, from the start. */
  get isNone(): boolean {
    return this.#chunked === undefined && this.#remaining === 0;
  }

  /** All of it, when it has come; uses no input before. Throws an `HttpFault`. */
  whole(): Buffer | undefined {
    if (this.#chunked === undefined) return this.#reader.bytes(this.#remaining);
    return this.#chunked.read() ? this.#chunked.take() : undefined;
  }

  /** The part of the body that has come since the last one. It uses that input. Throws an `HttpFault`. */
  part(): HttpBodyPart | undefined {
    const part = this.#chunked === undefined ? this.#plainPart() : this.#chunkedPart(this.#chunked);
    this.#reader.use();
    return part.body.length > 0 || part.isLast ? part : undefined;
  }

  #plainPart(): HttpBodyPart {
    const body = this.#reader.some(this.#remaining);
    this.#reader.cursor += body.length;
    this.#remaining -= body.length;
    return { body, isLast: this.#remaining === 0 };
  }

  // The part before a fault is still given, so that it does not matter how the input was cut.
  #chunkedPart(chunked: ChunkedBody): HttpBodyPart {
    if (this.#fault !== undefined) throw this.#fault;
    try {
      const isLast = chunked.read();
      return { body: chunked.take(), isLast };
    } catch (fault) {
      const body = chunked.take();
      if (body.length === 0 || !(fault instanceof HttpFault)) throw fault;
      this.#fault = fault;
      return { body, isLast: false };
    }
  }
}
