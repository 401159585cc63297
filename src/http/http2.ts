/** The HTTP/2 server of an app, and the sessions of one worker. Made in either thread, they run in a worker. */
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type RequestListener } from 'node:http';
import { type Addresses } from '../common/core/types.ts';
import { HeldOutput } from './held-output.ts';
import { type HttpOptions } from './options.ts';

type Compatible = Parameters<typeof createServer>[1];

/**
 * The HTTP/2 sessions of one worker: each is bound to the output that its socket may hold, and they agree to end (GOAWAY)
 * when the worker is to leave.
 */
export class Http2Drain {
  readonly #sessions = new Set<ServerHttp2Session>();
  #draining = false;

  constructor(server: { on(event: 'session', listener: (session: ServerHttp2Session) => void): unknown }) {
    server.on('session', (session) => {
      this.#sessions.add(session);
      lendPeer(session);
      boundOutput(session);
      session.once('close', () => this.#sessions.delete(session));
      if (this.#draining) session.close();
    });
  }

  begin(): void {
    this.#draining = true;
    for (const session of this.#sessions) session.close();
  }
}

interface Under {
  readonly maxOutput?: number;
  readonly connectionId?: number;
  /** The stream without a handle inside Node's wrapper. */
  readonly stream?: Under;
  /** The handle of a secure socket that a server has made. */
  readonly ssl?: { readonly _parentWrap?: Under | null };
  destroy(error?: Error): void;
}

// The socket that the worker was given, under what Node has put around it. A session shows its socket by a proxy, which
// cannot be destroyed; what the methods of an emitter return is the socket itself.
function socketUnder({ socket }: ServerHttp2Session): Under | undefined {
  let at: Under | undefined = socket.off('forkless', () => undefined);
  while (at && at.connectionId === undefined) at = at.stream ?? at.ssl?._parentWrap ?? undefined;
  return at;
}

/** Destroys a session whose streams hold more than the socket under it may, for a peer that does not read. */
function boundOutput(session: ServerHttp2Session): void {
  const under = socketUnder(session);
  if (under?.maxOutput === undefined) return;
  const held = new HeldOutput(under.maxOutput, (error) => {
    // First: the session would tell its peer, which might close the connection before it is told why.
    under.destroy(error);
    session.destroy(error, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
  // Before those who write to it.
  session.prependListener('stream', (stream) => {
    held.add(stream);
    addPushed(stream, held);
  });
}

type Pushed = (error: Error | null, stream: ServerHttp2Stream, headers: unknown) => void;

// Node tells of a pushed stream by a callback only.
function addPushed(stream: ServerHttp2Stream, held: HeldOutput): void {
  const push = stream.pushStream.bind(stream) as (...given: unknown[]) => void;
  stream.pushStream = (...given: unknown[]): void => {
    const pushed: Pushed = (error, ...more) => {
      if (!error) held.add(more[0]);
      (given.at(-1) as Pushed)(error, ...more);
    };
    // Node refuses a call without a callback.
    push(...(typeof given.at(-1) === 'function' ? [...given.slice(0, -1), pushed] : given));
  };
}

// The fields that only the socket under the wrapper has, where TLS has ended before it.
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
