/** TLS handshakes in the main thread. */
import { type Duplex } from 'node:stream';
import { lendAddresses } from '../../common/tls/addresses.ts';
import { type PlainTls } from '../../common/tls/options.ts';
import { TlsTerminator } from '../../common/tls/terminator.ts';
import { type Connection } from '../relay/connection.ts';

/** The handshakes that the main thread does itself. There are some only with the option `tls: { in: 'main' }`. */
export class Handshakes {
  readonly #secured: (connection: Connection, plain: Duplex, shown: string | undefined) => void;
  /** Handshakes under way, each with the error that it failed by. There is no error where the peer just ended. */
  readonly #pending = new Map<Connection, unknown>();
  // A terminator that was replaced for a new certificate may still have handshakes to finish.
  readonly #busy = new Set<TlsTerminator>();
  #current: TlsTerminator | undefined;

  /** `secured` is called with the plain side of a connection, and the certificate that its peer was shown. */
  constructor(secured: (connection: Connection, plain: Duplex, shown: string | undefined) => void) {
    this.#secured = secured;
  }

  /** Throws for a key or certificate that is missing or bad; then nothing changes. */
  configure(tls: PlainTls | undefined): void {
    this.#current = tls?.in === 'main' ? new TlsTerminator(tls) : undefined;
  }

  /** Whether new connections have to do a handshake. */
  get wanted(): boolean {
    return this.#current !== undefined;
  }

  /** Begins a handshake, if handshakes are wanted. */
  take(connection: Connection): void {
    const current = this.#current;
    if (!current) return;
    this.#forgetIdle();
    this.#busy.add(current);
    this.#pending.set(connection, undefined);
    const { stream, addresses } = connection;
    const failed = (error: unknown): void => {
      if (this.#pending.has(connection)) this.#pending.set(connection, error);
    };
    stream.on('error', failed);
    current.secure(stream, {
      failed,
      secured: (secure) => {
        this.#pending.delete(connection);
        lendAddresses(secure, addresses);
        // The worker's side decides when to end.
        secure.allowHalfOpen = true;
        // HTTP/2 forbids renegotiation, and a worker could not do so any more.
        secure.disableRenegotiation();
        this.#secured(connection, secure, current.shownTo(secure));
      },
    });
  }

  /** A connection is closed. Returns the error if that happened within its handshake. */
  left(connection: Connection): { readonly error: unknown } | undefined {
    const error = this.#pending.get(connection);
    return this.#pending.delete(connection) ? { error } : undefined;
  }

  close(): void {
    for (const each of this.#busy) each.close();
  }

  #forgetIdle(): void {
    for (const each of this.#busy) if (each.waiting === 0) this.#busy.delete(each);
  }
}
