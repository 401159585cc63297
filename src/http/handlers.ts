import { type Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { type Handlers } from '../worker/handlers.ts';
import { type ServedSocket } from '../worker/served-socket.ts';
import { serveApp, tune, type HttpApp } from './app.ts';
import { Http1Drain } from './drain.ts';
import { Http2Drain, http2Server } from './http2.ts';
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
  const { idleGrace = 1_000, noDelay = true } = options;
  let http1: Http1Drain | undefined;
  const second =
    options.http2 === undefined || options.http2 === false
      ? undefined
      : http2Server(served.listener, options);
  const sessions = [server, ...(second ? [second] : [])].map((each) => new Http2Drain(each));
  const held = !(server instanceof TlsServer);
  const { headersTimeout = 60_000 } = options;
  return {
    server,
    handlers: {
      workerStarted: async (worker) => {
        await options.workerStarted?.(worker);
        await served.ready();
        // Only now has the app its last listener. Node starts the checks of its timeouts with this event.
        const drain = new Http1Drain(server, idleGrace);
        http1 = drain;
        // A server that ends TLS itself makes sockets of its own out of those it is given.
        server.on('secureConnection', (socket: ServedSocket) => {
          drain.add(socket);
        });
        server.emit('listening');
        worker.signal.addEventListener('abort', () => {
          drain.begin();
          for (const each of sessions) each.begin();
        });
      },
      connection: (socket) => {
        // As on the sockets of an http.Server, which decides itself what the end of input means.
        socket.allowHalfOpen = true;
        if (noDelay) socket.setNoDelay(true);
        // Held before its protocol is known, too: one that says nothing must not keep a worker that is to leave.
        if (held) http1?.add(socket);
        if (!second) server.emit('connection', socket);
        else
          protocolOf(socket, headersTimeout, (protocol) => {
            if (protocol === 'http2') http1?.forget(socket);
            (protocol === 'http2' ? second : server).emit('connection', socket);
          });
      },
      workerStopping: async (worker) => {
        await served.stop();
        server.close();
        await options.workerStopping?.(worker);
      },
    },
  };
}
