/** Ends TLS on streams, with one or more certificates. Used in both threads. */
import { type Duplex } from 'node:stream';
import { type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { asError } from '../core/thrown.ts';
import { type PlainIdentity, type PlainPem, type PlainTls } from './options.ts';
import { shownBy } from './secured.ts';

export interface Handshake {
  /** It is done. */
  readonly secured: (socket: TLSSocket) => void;
  /** The handshake failed by this error; the stream may be closed for it already. A peer that ends is no failure. */
  readonly failed?: (error: Error) => void;
}

// A certificate is looked at once for each name, for that costs a tenth of a handshake. Names come from the peers: beyond
// so many, it is looked at for each connection.
const MAX_NAMES = 64;

/**
 * Ends TLS on streams that it is given. Key and certificate are read and checked when it is made, which throws for
 * bad ones. A handshake that fails or takes too long destroys its stream with the error.
 */
export class TlsTerminator {
  // A server that never listens: what Node does with a handshake, it does for servers only.
  readonly #server: Server;
  readonly #waiting = new Map<Duplex, Handshake>();
  /** The certificate that belongs to a name. */
  readonly #shown = new Map<string, string | undefined>();

  constructor(tls: PlainTls) {
    const {
      identity,
      contexts,
      ALPNProtocols,
      ticketKeys,
      handshakeTimeout,
      requestCert,
      rejectUnauthorized,
    } = tls;
    // Not imported: it would cost every worker's birth, with TLS or without, a fifth of its time.
    const { createServer, createSecureContext } = process.getBuiltinModule('node:tls');
    this.#server = createServer({
      ...secretsOf(identity, tls),
      handshakeTimeout,
      ticketKeys: Buffer.from(ticketKeys),
      // A session resumes only within one context, and those of all workers are to be one.
      sessionIdContext: 'forkless',
      requestCert: requestCert ?? false,
      rejectUnauthorized: rejectUnauthorized ?? true,
      ...(ALPNProtocols && { ALPNProtocols: [...ALPNProtocols] }),
    });
    for (const [name, each] of Object.entries(contexts))
      this.#server.addContext(name, createSecureContext(secretsOf(each, tls)));
    this.#server.on('secureConnection', (socket) => {
      this.#take(socket)?.secured(socket);
    });
    this.#server.on('tlsClientError', (error, socket) => {
      const stream = streamUnder(socket);
      if (!stream) return;
      const failure = isGone(error) ? undefined : asError(error);
      if (failure) this.#waiting.get(stream)?.failed?.(failure);
      stream.destroy(failure);
    });
  }

  /** Handshakes under way. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Begins a handshake. A peer that ends within it is closed without an error. Afterwards the owner of the secure socket
   * decides what the end of input means.
   */
  secure(stream: Duplex, handshake: Handshake): void {
    this.#waiting.set(stream, handshake);
    stream.once('close', () => this.#waiting.delete(stream));
    // The secure socket takes this over when it is made. Allowed, the end of the peer would end nothing, and the
    // connection would wait for the rest of a handshake that cannot come.
    stream.allowHalfOpen = false;
    this.#server.emit('connection', stream);
    // From here on the secure socket ends the stream under it.
    stream.allowHalfOpen = true;
  }

  /** What `shownBy` says of a secure socket. */
  shownTo(secure: TLSSocket & { readonly servername?: string | false | null }): string | undefined {
    const name = typeof secure.servername === 'string' ? secure.servername : '';
    if (this.#shown.has(name)) return this.#shown.get(name);
    const shown = shownBy(secure);
    if (this.#shown.size < MAX_NAMES) this.#shown.set(name, shown);
    return shown;
  }

  /** Gives all handshakes up. */
  close(): void {
    for (const stream of [...this.#waiting.keys()]) stream.destroy();
  }

  #take(socket: TLSSocket): Handshake | undefined {
    const stream = streamUnder(socket);
    const handshake = stream && this.#waiting.get(stream);
    if (stream) this.#waiting.delete(stream);
    if (!handshake) socket.destroy();
    return handshake;
  }
}

// Node makes this error itself when the peer ends; one of the network has the number of a system error.
const isGone = (error: Error): boolean =>
  'code' in error && error.code === 'ECONNRESET' && !('errno' in error);

type Under = Duplex & { readonly stream?: Duplex };

interface Wrapping {
  readonly _parent?: Under | null;
  readonly ssl?: { readonly _parentWrap?: Under | null } | null;
}

// Node tells it nowhere officially. Over a stream without a handle there is a wrapper in between, which has it as
// `stream`. Were it ever gone, handshakes would fail, loudly.
function streamUnder(socket: TLSSocket): Duplex | undefined {
  const { ssl, _parent } = socket as unknown as Wrapping;
  const under = ssl?._parentWrap ?? _parent ?? undefined;
  return under?.stream ?? under;
}

function secretsOf(identity: PlainIdentity, tls: PlainTls): SecureContextOptions {
  const { passphrase, ca } = identity;
  const { minVersion, maxVersion, ciphers } = tls;
  return {
    key: contentOf(identity.key),
    cert: contentOf(identity.cert),
    ...(ca !== undefined && { ca: contentOf(ca) }),
    ...(passphrase !== undefined && { passphrase }),
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(ciphers !== undefined && { ciphers }),
  };
}

function contentOf(pem: PlainPem): string | Buffer {
  if (typeof pem === 'string') return pem;
  return pem instanceof Uint8Array
    ? Buffer.from(pem)
    : process.getBuiltinModule('node:fs').readFileSync(pem.file);
}
