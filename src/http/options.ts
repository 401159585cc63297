/** The options of HTTP: their public type and their check. Used in both threads. */
import { type ServerOptions } from 'node:http';
import { type ServerOptions as Http2ServerOptions } from 'node:http2';
import { boolean, integer, millis, onlyKnown } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { type Millis } from '../common/core/types.ts';
import { type WorkerContext } from '../worker/session/handlers.ts';

const SERVER = [
  'IncomingMessage',
  'ServerResponse',
  'connectionsCheckingInterval',
  'headersTimeout',
  'highWaterMark',
  'insecureHTTPParser',
  'joinDuplicateHeaders',
  'keepAliveTimeout',
  'maxHeaderSize',
  'requestTimeout',
  'requireHostHeader',
  'uniqueHeaders',
] as const;
const OWN = [
  'http2',
  'idleGrace',
  'maxHeadersCount',
  'maxRequestsPerSocket',
  'noDelay',
  'rest',
  'timeout',
  'workerStarted',
  'workerStopping',
] as const;

/** Options of `http.createServer()`, with Node's defaults, and some of our own. */
export interface HttpOptions extends Pick<ServerOptions, (typeof SERVER)[number]> {
  /** Requests a connection may bring; the last one is answered with `Connection: close`. Default: no limit. */
  readonly maxRequestsPerSocket?: number | undefined;
  /** Header lines a request may have. Default 2000, as Node's. */
  readonly maxHeadersCount?: number | undefined;
  /** Milliseconds without traffic after which a connection is closed. Default: none. */
  readonly timeout?: Millis | undefined;
  /** Sends small writes at once. Default true, as `http.createServer()` has it. */
  readonly noDelay?: boolean | undefined;
  /**
   * Serves HTTP/2 as well, beside HTTP/1 on the same port: by ALPN where TLS has agreed on it (give
   * `ALPNProtocols: ['h2', 'http/1.1']` there), else by the first bytes of the connection. Default false.
   */
  readonly http2?: boolean | Http2ServerOptions | undefined;
  /**
   * Whether a connection of HTTP/1 is at rest between two requests. Then a worker that leaves, crashes, hangs or is killed
   * takes no idle client with it: the connection stays open, and its next request goes to another worker, in which it is
   * a new one to the app. `false` for apps that keep something for a connection: on `req.socket`, or a login
   * that counts for the connection (NTLM, Negotiate). It has no effect with TLS in the worker, on transferred
   * sockets, with HTTP/2, after an upgrade, and beside `maxRequestsPerSocket`. Default true.
   */
  readonly rest?: boolean | undefined;
  /**
   * How long an idle kept-alive connection may still bring one request when its worker is to leave; that one is
   * answered with `Connection: close`. Closing at once would cross with requests on their way. Default 1 000 ms.
   */
  readonly idleGrace?: Millis | undefined;
  /** As in `serve()`; runs before the app is asked to get ready. */
  workerStarted?(worker: WorkerContext): unknown;
  /** As in `serve()`; runs after the app was asked to stop. */
  workerStopping?(worker: WorkerContext): unknown;
}

/** Throws `FORKLESS_UNKNOWN_OPTION` or `FORKLESS_BAD_OPTION`; Node checks what is its own. */
export function checkHttpOptions(options: HttpOptions): void {
  onlyKnown(options, [...SERVER, ...OWN]);
  for (const [name, check] of Object.entries(CHECKS)) {
    const value: unknown = Reflect.get(options, name);
    if (value !== undefined) check(name, value);
  }
}

const callback = (name: string, value: unknown): void => {
  if (typeof value !== 'function') throw errors.badOption(name, 'a function', value);
};

const CHECKS: Readonly<Record<(typeof OWN)[number], (name: string, value: unknown) => unknown>> = {
  http2: (name, value) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null))
      throw errors.badOption(name, 'a boolean or the options of http2.createServer()', value);
  },
  idleGrace: (name, value) => millis(name, value),
  maxHeadersCount: (name, value) => integer(name, value, 0),
  maxRequestsPerSocket: (name, value) => integer(name, value, 0),
  noDelay: boolean,
  rest: boolean,
  // 0 is none to Node, too.
  timeout: (name, value) => millis(name, value, 0),
  workerStarted: callback,
  workerStopping: callback,
};

/** The options that `http.createServer()` takes. */
export function serverOptions(options: HttpOptions): ServerOptions {
  const given = Object.entries(options).filter(([name]) => SERVER.some((known) => known === name));
  return Object.fromEntries(given);
}
