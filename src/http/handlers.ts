/** The handlers that serve an app by Node's own HTTP servers. Made in either thread, they run in a worker. */
import { Server as Http1Server } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { type Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { errors } from '../common/core/errors.ts';
import { COMPANIONS } from '../worker/session/check-handlers.ts';
import { type Handlers, type WorkerContext } from '../worker/session/handlers.ts';
import { reportFailure } from '../worker/runtime/reporting.ts';
import { tellResting } from '../worker/runtime/resting.ts';
import { type ServedSocket } from '../worker/session/served-socket.ts';
import { serveApp, tune, type HttpApp } from './app.ts';
import { Http1Drain, type DrainWatch } from './drain.ts';
import { Http2Drain, http2Server } from './http2.ts';
import { closedByProgram, takesPart } from './leave.ts';
import { LEAVING } from './leaving.ts';
import { Listening } from './listening.ts';
import { checkHttpOptions, type HttpOptions } from './options.ts';
import { protocolOf } from './protocol.ts';

/** Handlers that serve an app, and the server behind them. */
export interface HttpHandlers {
  readonly handlers: Pick<Handlers, 'workerStarted' | 'workerStopping'> &
    Required<Pick<Handlers, 'connection'>>;
  /** It listens nowhere: connections come from the prefork. */
  readonly server: Server;
}

export function httpHandlers(app: HttpApp, options: HttpOptions = {}): HttpHandlers {
  checkHttpOptions(options);
  const served = serveApp(app, options);
  const { server } = served;
  tune(server, options);
  const { idleGrace = 1_000 } = options;
  const second =
    options.http2 === undefined || options.http2 === false
      ? undefined
      : http2Server(served.listener, options);
  const servers = second ? [server, second] : [server];
  const sessions = servers.map((each) => new Http2Drain(each));
  const take = taking(server, second, options);
  let started: Started | undefined;
  let joins = false;
  const own = {
    workerStarted: async (worker: WorkerContext): Promise<void> => {
      await options.workerStarted?.(worker);
      await served.ready();
      // Only now has the app its last listener. Node starts the checks of its timeouts with the event.
      const drain = new Http1Drain(servers, idleGrace, watchOf(worker), mayRest(server, options));
      started = { drain, listening: new Listening(server, worker) };
      // A server that ends TLS itself makes sockets of its own out of those it is given.
      server.on('secureConnection', (socket: ServedSocket) => {
        drain.add(socket);
      });
      server.emit('listening');
      joins = takesPart(worker.signal);
      worker.signal.addEventListener('abort', () => {
        drain.begin();
        for (const each of sessions) each.begin();
      });
    },
    workerStopping: async (worker: WorkerContext): Promise<void> => {
      await served.stop();
      if (joins) await closedByProgram(server, idleGrace);
      if (server.listening) server.close();
      await options.workerStopping?.(worker);
    },
  };
  const connection = (socket: ServedSocket): void => {
    // Handlers that were put together by hand may lack ours, without which nothing is served.
    if (!started) throw errors.replacedHandler('workerStarted');
    take(socket, started);
  };
  return { server, handlers: { ...own, connection: Object.assign(connection, { [COMPANIONS]: own }) } };
}

const watchOf = (worker: WorkerContext): DrainWatch => ({
  rest: (count) => {
    tellResting(worker, count);
  },
  failed: (error, connection) => {
    reportFailure(worker, error, connection, LEAVING);
  },
});

// Node counts the requests of a connection where nobody can see it, so one that moves would begin at 0 again.
const mayRest = (server: Server, { rest = true }: HttpOptions): boolean =>
  rest &&
  server instanceof Http1Server &&
  !(server.maxRequestsPerSocket !== null && server.maxRequestsPerSocket > 0);

interface Started {
  readonly drain: Http1Drain;
  readonly listening: Listening;
}

/** Takes a connection up, for one of the two servers. */
function taking(
  server: Server,
  second: Server | undefined,
  options: HttpOptions,
): (socket: ServedSocket, started: Started) => void {
  const tuned = tuning(server, options);
  const held = !(server instanceof TlsServer);
  const { headersTimeout = 60_000 } = options;
  return (socket, { drain, listening }) => {
    if (!listening.admits(socket)) return;
    tuned(socket);
    // Held before its protocol is known, too: one that says nothing must not keep a worker that is to leave.
    if (held) drain.add(socket);
    if (!second) {
      give(server, socket);
      drain.given(socket);
    } else
      protocolOf(socket, headersTimeout, (protocol) => {
        if (protocol === 'http2') drain.forget(socket);
        give(protocol === 'http2' ? second : server, socket);
        drain.given(socket);
      });
  };
}

/** Gives a server a connection, as Node gives it those that it accepts. */
function give(server: Server & { readonly allowHalfOpen?: boolean }, socket: ServedSocket): void {
  // The server decides what the end of input means: HTTP/1 itself, all others let it end the connection.
  socket.allowHalfOpen = server.allowHalfOpen ?? false;
  server.emit('connection', Object.assign(socket, { server }));
}

interface SocketDefaults {
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  /** Seconds. */
  readonly keepAliveInitialDelay?: number;
}

/** What the sockets of this server are to have. */
function tuning(
  server: Server & SocketDefaults,
  options: Pick<HttpOptions, 'noDelay'>,
): (socket: ServedSocket) => void {
  const { keepAlive = false, keepAliveInitialDelay = 0 } = server;
  // Servers of other kinds say "no" where nobody has asked them; they leave it as it is.
  const isHttp1 = server instanceof Http1Server || server instanceof HttpsServer;
  const noDelay = options.noDelay ?? (isHttp1 || server.noDelay === true ? server.noDelay : undefined);
  return (socket) => {
    if (noDelay !== undefined) socket.setNoDelay(noDelay);
    if (keepAlive) socket.setKeepAlive(true, keepAliveInitialDelay * 1_000);
  };
}
