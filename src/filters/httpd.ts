import { integer, oneOf, onlyKnown } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { type Filter } from './filter.ts';
import { ChunkedBody } from './http-chunked.ts';
import { type Framing, HttpHead } from './http-head.ts';
import { encodeResponse, errorResponse, type HttpRequest, type HttpResponse } from './http-message.ts';
import { HttpFault, HttpReader } from './http-reader.ts';
import { bufferLimit, InputBytes } from './input-bytes.ts';

export interface HttpdFilterOptions {
  /** Longest body in bytes, 0 or more (default 1 MiB). Past it: status 413. */
  readonly maxBody?: number;
  /** Most bytes of request line and headers, 64 or more (default 16 KiB). Past it: status 414 or 431. */
  readonly maxHeaderSize?: number;
  /** Most headers, 0 or more (default 100). Past it: status 431. */
  readonly maxHeaders?: number;
  /**
   * Most bytes that may wait to be taken, those of an unfinished request with its chunk sizes included: at least
   * `maxBody` + `maxHeaderSize` + 64 KiB (default: 16 MiB more than body and headers).
   */
  readonly maxBuffer?: number;
  /** Whether a line feed alone ends a line as well (default `false`: status 400). */
  readonly bareLf?: boolean;
  /** What a refused request is: the response that says so, as a record (default), or a throw. */
  readonly badRequests?: 'record' | 'throw';
}

const KNOWN = ['maxBody', 'maxHeaderSize', 'maxHeaders', 'maxBuffer', 'bareLf', 'badRequests'];
const LF = 0x0a;
const CR = 0x0d;

/**
 * HTTP requests in, responses out. A request is a record when it has come whole, its body delimited by
 * Content-Length or in chunks; several may follow one another.
 *
 * What is no request, is beyond a limit, or could be read in two ways is refused: the record is then the response to
 * be sent (it has a `status`, a request has none), or `FORKLESS_BAD_REQUEST` is thrown. Where the next request would
 * begin is not known then, so all further input is discarded, as after `FORKLESS_INPUT_OVERFLOW` from `push`.
 */
export class HttpdFilter implements Filter<HttpRequest | HttpResponse, HttpResponse> {
  readonly #options: HttpdFilterOptions;
  readonly #limits: { maxBody: number; maxHeaderSize: number; maxHeaders: number };
  readonly #throws: boolean;
  readonly #input: InputBytes;
  // Nothing of a request is used before it is whole, for `release`.
  readonly #reader: HttpReader;
  #head: HttpHead | undefined;
  #framing: Framing | undefined;
  #chunked: ChunkedBody | undefined;

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: HttpdFilterOptions = {}) {
    onlyKnown(options, KNOWN);
    const {
      maxBody = 1024 * 1024,
      maxHeaderSize = 16 * 1024,
      maxHeaders = 100,
      badRequests = 'record',
    } = options;
    this.#options = options;
    this.#limits = {
      maxBody: integer('maxBody', maxBody, 0, 2 ** 32),
      maxHeaderSize: integer('maxHeaderSize', maxHeaderSize, 64, 2 ** 24),
      maxHeaders: integer('maxHeaders', maxHeaders, 0),
    };
    this.#throws = oneOf('badRequests', badRequests, ['record', 'throw']) === 'throw';
    this.#input = new InputBytes(bufferLimit(options.maxBuffer, maxBody + maxHeaderSize));
    this.#reader = new HttpReader(this.#input, options.bareLf ?? false);
  }

  push(chunk: Uint8Array): void {
    this.#input.push(chunk);
  }

  take(): HttpRequest | HttpResponse | undefined {
    try {
      return this.#request();
    } catch (thrown) {
      if (!(thrown instanceof HttpFault)) throw thrown;
      return this.#refuse(thrown);
    }
  }

  /** Throws `FORKLESS_BAD_RESPONSE`. */
  encode(record: HttpResponse): Uint8Array {
    return encodeResponse(record);
  }

  release(): Uint8Array {
    this.#startOver();
    return this.#input.release();
  }

  clone(): HttpdFilter {
    return new HttpdFilter(this.#options);
  }

  #request(): HttpRequest | undefined {
    this.#framing ??= this.#readHead();
    const body = this.#framing && this.#readBody(this.#framing);
    if (this.#head === undefined || body === undefined) {
      this.#input.keep();
      return undefined;
    }
    const { method, target, version, headers } = this.#head;
    this.#reader.use();
    this.#startOver();
    return { method, target, version, headers, body };
  }

  #readHead(): Framing | undefined {
    const { maxHeaderSize, maxHeaders, maxBody } = this.#limits;
    if (this.#head === undefined) this.#skipBlank();
    for (;;) {
      const status = this.#head === undefined ? 414 : 431;
      const most = maxHeaderSize - this.#reader.cursor;
      const line = this.#reader.line(most, status, 'Request line or headers too long.');
      if (line === undefined) return undefined;
      if (this.#head === undefined) this.#head = new HttpHead(line);
      else if (line === '') return this.#head.framing(maxBody);
      else this.#head.add(line, maxHeaders);
    }
  }

  #readBody(framing: Framing): Buffer | undefined {
    if (!framing.chunked) return this.#reader.bytes(framing.length);
    this.#chunked ??= new ChunkedBody(this.#reader, this.#limits);
    return this.#chunked.read();
  }

  // Some clients send line ends behind a body.
  #skipBlank(): void {
    const input = this.#input;
    if (this.#reader.cursor > 0) return;
    for (let next = input.bytes[input.at]; next === CR || next === LF; next = input.bytes[input.at])
      input.skip(1);
  }

  #refuse({ status, message }: HttpFault): HttpResponse {
    const error = this.#input.fail(errors.badRequest(status, message));
    this.#startOver();
    if (this.#throws) throw error;
    return errorResponse(status, message);
  }

  #startOver(): void {
    this.#reader.reset();
    this.#head = undefined;
    this.#framing = undefined;
    this.#chunked = undefined;
  }
}
