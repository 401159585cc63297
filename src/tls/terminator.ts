import { type Duplex } from 'node:stream';
import { type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { asError } from '../core/thrown.ts';
import { type PlainIdentity, type PlainPem, type PlainTls } from './options.ts';

type Secured = (socket: TLSSocket) => void;

/**
 * Ends TLS on streams that it is given. Key and certificate are read and checked when it is made, which throws for
 * bad ones. A handshake that fails or takes too long destroys its stream with the error.
 */
export class TlsTerminator {
  // A server that never listens: what Node does with a handshake, it does for servers only.
  readonly #server: Server;
  readonly #waiting = new Map<Duplex, Secured>();

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
      this.#take(socket)?.(socket);
    });
    this.#server.on('tlsClientError', (error, socket) => {
      streamUnder(socket)?.destroy(asError(error));
    });
  }

  /** Handshakes under way. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** `secured` is called once the handshake is done; if it fails, never. */
  secure(stream: Duplex, secured: Secured): void {
    this.#waiting.set(stream, secured);
    stream.once('close', () => this.#waiting.delete(stream));
    this.#server.emit('connection', stream);
  }

  /** Gives all handshakes up. */
  close(): void {
    for (const stream of [...this.#waiting.keys()]) stream.destroy();
  }

  #take(socket: TLSSocket): Secured | undefined {
    const stream = streamUnder(socket);
    const secured = stream && this.#waiting.get(stream);
    if (stream) this.#waiting.delete(stream);
    if (!secured) socket.destroy();
    return secured;
  }
}

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
