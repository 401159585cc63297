/** The HTTP filter: requests come in, responses go out. Made in either thread, it runs in a worker. */
import { throwAt } from '../core/caller.ts';
import { boolean, integer, oneOf, onlyKnown } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { type Filter } from './filter.ts';
import { RequestBody } from './http-body.ts';
import { HttpHead } from './http-head.ts';
import {
  encodeResponse,
  errorResponse,
  type HttpBodyPart,
  type HttpRequest,
  type HttpResponse,
} from './http-message.ts';
import { HttpFault, HttpReader } from './http-reader.ts';
import { bufferLimit, InputBytes } from './input-bytes.ts';
import { textEncoding, type TextEncoding } from './text-bytes.ts';

export interface HttpdFilterOptions<Streaming extends boolean = boolean> {
  /**
   * Whether a request is a record as soon as its headers have come, and its body follows in parts, as it comes
   * (default `false`).
   */
  readonly streaming?: Streaming;
  /** Longest body in bytes, 0 or more (default 1 MiB, and none where it streams). Past it: status 413. */
  readonly maxBody?: number;
  /** Most bytes of request line and headers, 64 or more (default 16 KiB). Past it: status 414 or 431. */
  readonly maxHeaderSize?: number;
  /** Most headers, 0 or more (default 100). Past it: status 431. */
  readonly maxHeaders?: number;
  /**
   * Most bytes that may wait to be taken, those of an unfinished request with its chunk sizes included: at least
   * `maxBody` + `maxHeaderSize` + 64 KiB (default: 16 MiB more than body and headers). Where it streams, a body does
   * not count.
   */
  readonly maxBuffer?: number;
  /** Whether a line feed alone ends a line as well (default `false`: status 400). */
  readonly bareLf?: boolean;
  /** Whether a refused request gives a record (default), which is the response that says so, or throws. */
  readonly badRequests?: 'record' | 'throw';
  /** How a response's body becomes bytes where it is text (default `'utf8'`). */
  readonly encoding?: TextEncoding;
}

/** The records of the filter: a request, the response to a refused request and, where it streams, a part of a body. */
export type HttpdRecord<Streaming extends boolean> =
  HttpRequest | HttpResponse | (Streaming extends true ? HttpBodyPart : never);

const KNOWN = [
  'streaming',
  'maxBody',
  'maxHeaderSize',
  'maxHeaders',
  'maxBuffer',
  'bareLf',
  'badRequests',
  'encoding',
];
const LF = 0x0a;
const CR = 0x0d;

const NOTHING = Buffer.alloc(0);

/**
 * HTTP requests in, responses out. A request is a record when it has come whole, its body delimited by
 * Content-Length or in chunks; several may follow one another. With `streaming` it is one when its headers have come,
 * and the parts of its body are records too (they have `isLast`, a request has not).
 *
 * Input that is no request, is beyond a limit, or could be read in two ways is refused: the record is then the response to
 * be sent (it has a `status`, a request has none), or `FORKLESS_BAD_REQUEST` is thrown. Where the next request would
 * begin is not known then, so all further input is discarded, as after `FORKLESS_INPUT_OVERFLOW` from `push`.
 */
export class HttpdFilter<Streaming extends boolean = false> implements Filter<
  HttpdRecord<Streaming>,
  HttpResponse
> {
  readonly #options: HttpdFilterOptions<Streaming>;
  readonly #limits: { maxBody: number; maxHeaderSize: number; maxHeaders: number };
  readonly #streams: boolean;
  readonly #throws: boolean;
  readonly #encoding: TextEncoding;
  readonly #input: InputBytes;
  // Where it does not stream, nothing of a request is used before it is whole, for `release`.
  readonly #reader: HttpReader;
  #head: HttpHead | undefined;
  #body: RequestBody | undefined;

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: HttpdFilterOptions<Streaming> = {}) {
    try {
      onlyKnown(options, KNOWN);
      this.#options = options;
      this.#streams = boolean('streaming', options.streaming ?? false);
      this.#limits = limitsOf(options);
      const { maxBody, maxHeaderSize } = this.#limits;
      this.#throws = oneOf('badRequests', options.badRequests ?? 'record', ['record', 'throw']) === 'throw';
      this.#encoding = textEncoding(options.encoding);
      this.#input = new InputBytes(
        bufferLimit(options.maxBuffer, (this.#streams ? 0 : maxBody) + maxHeaderSize),
      );
      this.#reader = new HttpReader(this.#input, boolean('bareLf', options.bareLf ?? false));
    } catch (error) {
      throwAt(HttpdFilter, error);
    }
  }

  push(chunk: Uint8Array): void {
    this.#input.push(chunk);
  }

  take(): HttpdRecord<Streaming> | undefined {
    try {
      const record = this.#next();
      if (record === undefined) this.#input.keep();
      // Parts come only where it streams.
      return record as HttpdRecord<Streaming> | undefined;
    } catch (thrown) {
      if (!(thrown instanceof HttpFault)) throw thrown;
      return this.#refuse(thrown);
    }
  }

  /** Throws `FORKLESS_BAD_RESPONSE`, and a `RangeError` for a character that `'latin1'` does not have. */
  encode(record: HttpResponse): Uint8Array {
    return encodeResponse(record, this.#encoding);
  }

  release(): Uint8Array {
    this.#startOver();
    return this.#input.release();
  }

  clone(): HttpdFilter<Streaming> {
    return new HttpdFilter(this.#options);
  }

  #next(): HttpRequest | HttpBodyPart | undefined {
    this.#body ??= this.#readHead();
    if (this.#body === undefined) return undefined;
    return this.#streams ? this.#nextStreamed(this.#body) : this.#nextWhole(this.#body);
  }

  #nextWhole(body: RequestBody): HttpRequest | undefined {
    const bytes = body.whole();
    if (this.#head === undefined || bytes === undefined) return undefined;
    const request = requestOf(this.#head, bytes, false);
    this.#reader.use();
    this.#startOver();
    return request;
  }

  #nextStreamed(body: RequestBody): HttpRequest | HttpBodyPart | undefined {
    if (this.#head === undefined) return this.#nextPart(body);
    const request = requestOf(this.#head, NOTHING, !body.isNone);
    this.#reader.use();
    this.#head = undefined;
    if (body.isNone) this.#startOver();
    return request;
  }

  #nextPart(body: RequestBody): HttpBodyPart | undefined {
    const part = body.part();
    if (part?.isLast === true) this.#startOver();
    return part;
  }

  #readHead(): RequestBody | undefined {
    const { maxHeaderSize, maxHeaders, maxBody } = this.#limits;
    if (this.#head === undefined) this.#skipBlank();
    for (;;) {
      const status = this.#head === undefined ? 414 : 431;
      const most = maxHeaderSize - this.#reader.cursor;
      const line = this.#reader.line(most, status, 'Request line or headers too long.');
      if (line === undefined) return undefined;
      if (this.#head === undefined) this.#head = new HttpHead(line);
      else if (line !== '') this.#head.add(line, maxHeaders);
      else return new RequestBody(this.#reader, this.#head.framing(maxBody), this.#limits);
    }
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
    this.#body = undefined;
  }
}

function limitsOf(options: HttpdFilterOptions): {
  maxBody: number;
  maxHeaderSize: number;
  maxHeaders: number;
} {
  const { streaming = false, maxBody, maxHeaderSize = 16 * 1024, maxHeaders = 100 } = options;
  const most = streaming ? Infinity : 1024 * 1024;
  return {
    maxBody: maxBody === undefined ? most : integer('maxBody', maxBody, 0, 2 ** 32),
    maxHeaderSize: integer('maxHeaderSize', maxHeaderSize, 64, 2 ** 24),
    maxHeaders: integer('maxHeaders', maxHeaders, 0),
  };
}

function requestOf(head: HttpHead, body: Buffer, bodyFollows: boolean): HttpRequest {
  const { method, target, version, headers } = head;
  return { method, target, version, headers, body, bodyFollows };
}
