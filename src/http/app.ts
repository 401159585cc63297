/**
 * Makes a server of each kind of app: Express, Koa, Fastify, Hono and others. Made in either thread, it runs in a
 * worker.
 */
import { createServer, IncomingMessage, Server, type RequestListener } from 'node:http';
import { Server as NetServer } from 'node:net';
import { errors } from '../common/core/errors.ts';
import { fetchListener, type FetchHandler } from './fetch.ts';
import { serverOptions, type HttpOptions } from './options.ts';

/** An app of Koa: makes a request listener. */
export interface KoaLike {
  callback(): RequestListener;
}

/** An app of Hono, or an object with a Fetch handler. */
export interface FetchLike {
  readonly fetch: FetchHandler;
}

/** An app of Fastify: has a server of its own and is to be made ready. */
export interface FastifyLike {
  readonly server: NetServer;
  ready(): PromiseLike<unknown>;
  close(): PromiseLike<unknown>;
}

/**
 * An app that can be served: a request listener (an Express app is one), an `http.Server` or any other server that takes
 * sockets by its `'connection'` event, an app of Koa, Fastify or Hono, or an object with a Fetch handler.
 */
export type HttpApp = RequestListener | NetServer | KoaLike | FetchLike | FastifyLike;

/** An app, ready to be given connections. */
export interface AppServer {
  readonly server: NetServer;
  /** The listener for a further server that is to answer the same requests. */
  readonly listener: RequestListener;
  readonly ready: () => unknown;
  readonly stop: () => unknown;
}

const has = <K extends string>(value: object, key: K): value is Record<K, unknown> => key in value;

function isFastify(app: object): app is FastifyLike {
  return has(app, 'ready') && typeof app.ready === 'function' && has(app, 'server') && isServer(app.server);
}

const isServer = (value: unknown): value is NetServer => value instanceof NetServer;

const isKoa = (app: object): app is KoaLike => has(app, 'callback') && typeof app.callback === 'function';

const isFetch = (app: object): app is FetchLike => has(app, 'fetch') && typeof app.fetch === 'function';

function listenerOf(app: unknown): RequestListener | undefined {
  if (typeof app === 'object' && app !== null) {
    if (isKoa(app)) return app.callback();
    if (isFetch(app)) return fetchListener(app.fetch.bind(app));
  }
  // An app of Express is a function with methods; none of them is `fetch` or `callback`.
  return typeof app === 'function' ? (app as RequestListener) : undefined;
}

function ofServer(server: NetServer): AppServer {
  const listener: RequestListener = (request, response) => {
    server.emit('request', request, response);
  };
  return { server, listener, ready: () => undefined, stop: () => undefined };
}

// Express puts prototypes of HTTP/1 under each request it is given. A request of HTTP/2 then throws outside of any handler,
// and any client could end a worker by it.
const isOnlyHttp1 = (app: HttpApp): boolean =>
  typeof app === 'function' && has(app, 'request') && app.request instanceof IncomingMessage;

/** Throws `FORKLESS_BAD_OPTION` for what is none of these, and for HTTP/2 with an app that knows HTTP/1 alone. */
export function serveApp(app: HttpApp, options: HttpOptions): AppServer {
  if (isServer(app)) return ofServer(app);
  if (typeof app === 'object' && isFastify(app)) {
    return { ...ofServer(app.server), ready: () => app.ready(), stop: () => app.close() };
  }
  if (options.http2 !== undefined && options.http2 !== false && isOnlyHttp1(app))
    throw errors.badOption('http2', 'false for an Express app, which knows HTTP/1 alone', options.http2);
  const listener = listenerOf(app);
  if (listener === undefined)
    throw errors.badOption('app', 'a request listener, a server, or an app of a known framework', app);
  const server = createServer(serverOptions(options), listener);
  return { ...ofServer(server), listener };
}

/** Sets what Node takes as properties of a server rather than as options. */
export function tune(
  server: NetServer,
  { maxRequestsPerSocket, maxHeadersCount, timeout }: HttpOptions,
): void {
  if (!(server instanceof Server)) return;
  if (maxRequestsPerSocket !== undefined) server.maxRequestsPerSocket = maxRequestsPerSocket;
  if (maxHeadersCount !== undefined) server.maxHeadersCount = maxHeadersCount;
  if (timeout !== undefined) server.timeout = timeout;
}
