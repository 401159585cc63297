/** The front `forkless/http`, which serves apps of HTTP. Used in both threads. */
import { type Server } from 'node:net';
import { called } from './common/core/caller.ts';
import { type HttpApp } from './http/app.ts';
import { httpHandlers, type HttpHandlers } from './http/handlers.ts';
import { type HttpOptions } from './http/options.ts';
import { serve } from './worker/runtime/serve.ts';

export { type FastifyLike, type FetchLike, type HttpApp, type KoaLike } from './http/app.ts';
export { type FetchHandler } from './http/fetch.ts';
export { type HttpOptions } from './http/options.ts';
export { currentWorker } from './worker/runtime/current.ts';
export { type WorkerContext } from './worker/session/handlers.ts';

/**
 * Serves an app over HTTP in this worker: `export default serveHttp(app)` in the module given as `worker` to
 * `createPrefork()`. Returns the server, which never listens itself, for further listeners (`'upgrade'` …) and for
 * packages that attach to one. Throws as `serve()`, and `FORKLESS_BAD_OPTION` for what is no app.
 */
export function serveHttp(app: HttpApp, options?: HttpOptions): Server {
  return called(serveHttp, () => {
    const { handlers, server } = httpHandlers(app, options);
    serve(handlers);
    return server;
  });
}

/** The same as handlers, for the form in one file: `prefork(import.meta.url, { port, ...http(app) })`. */
export function http(app: HttpApp, options?: HttpOptions): HttpHandlers['handlers'] {
  return called(http, () => httpHandlers(app, options).handlers);
}
