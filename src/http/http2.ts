import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { type RequestListener } from 'node:http';
import { type Addresses } from '../core/types.ts';
import { type HttpOptions } from './options.ts';

type Compatible = Parameters<typeof createServer>[1];

/** The HTTP/2 sessions of one worker, which agree to end (GOAWAY) when it is to leave. */
export class Http2Drain {
  readonly #sessions = new Set<ServerHttp2Session>();
  #draining = false;

  constructor(server: { on(event: 'session', listener: (session: ServerHttp2Session) => void): unknown }) {
    server.on('session', (session) => {
      this.#sessions.add(session);
      lendPeer(session);
      session.once('close', () => this.#sessions.delete(session));
      if (this.#draining) session.close();
    });
  }

  begin(): void {
    this.#draining = true;
    for (const session of this.#sessions) session.close();
  }
}

// What only the socket under the wrapper has, where TLS has ended before it.
const SECURED = [
  'encrypted',
  'alpnProtocol',
  'servername',
  'authorized',
  'authorizationError',
  'exportKeyingMaterial',
  'getCertificate',
  'getCipher',
  'getEphemeralKeyInfo',
  'getFinished',
  'getPeerCertificate',
  'getPeerFinished',
  'getPeerX509Certificate',
  'getProtocol',
  'getSession',
  'getSharedSigalgs',
  'getTLSTicket',
  'getX509Certificate',
  'isSessionReused',
];

// A session wraps a socket without a handle, and asks the handle for the addresses; this is where Node keeps the answer.
function lendPeer({ socket }: ServerHttp2Session): void {
  const under: unknown = Reflect.get(socket, 'stream');
  if (typeof under !== 'object' || under === null || !('remoteAddress' in under)) return;
  const { remoteAddress, remotePort, remoteFamily } = under as Addresses;
  Reflect.set(socket, '_peername', { address: remoteAddress, port: remotePort, family: remoteFamily });
  for (const name of SECURED) {
    const value: unknown = Reflect.get(under, name);
    if (value !== undefined)
      Reflect.set(socket, name, typeof value === 'function' ? value.bind(under) : value);
  }
}

/** A server of HTTP/2 that answers by a listener written for HTTP/1, through Node's compatibility API. */
export function http2Server(listener: RequestListener, { http2 }: HttpOptions): Http2Server {
  return createServer(typeof http2 === 'object' ? http2 : {}, listener as unknown as Compatible);
}
