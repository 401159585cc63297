import { type Duplex } from 'node:stream';
import { lendAddresses } from '../tls/addresses.ts';
import { type PlainTls } from '../tls/options.ts';
import { TlsTerminator } from '../tls/terminator.ts';
import { addressesOf } from './connections.ts';

/** The handshakes that the main thread does itself, with the option `tls: { in: 'main' }`; none otherwise. */
export class Handshakes {
  readonly #secured: (stream: Duplex) => void;
  // One that was replaced by a new certificate may still have handshakes to finish.
  readonly #busy = new Set<TlsTerminator>();
  #current: TlsTerminator | undefined;

  constructor(secured: (stream: Duplex) => void) {
    this.#secured = secured;
  }

  /** Throws for a key or certificate that is missing or bad; then nothing changes. */
  configure(tls: PlainTls | undefined): void {
    this.#current = tls?.in === 'main' ? new TlsTerminator(tls) : undefined;
  }

  /** Whether new connections are to do one. */
  get wanted(): boolean {
    return this.#current !== undefined;
  }

  /** Handshakes under way. */
  get size(): number {
    return [...this.#busy].reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** Takes a new connection; false where it is to go on as it is. */
  take(stream: Duplex): boolean {
    const current = this.#current;
    if (!current) return false;
    this.#forgetIdle();
    this.#busy.add(current);
    const addresses = addressesOf(stream);
    // The worker's side decides when to end; the secure socket takes this over.
    stream.allowHalfOpen = true;
    stream.on('error', () => undefined);
    current.secure(stream, (secure) => {
      lendAddresses(secure, addresses);
      secure.allowHalfOpen = true;
      this.#secured(secure);
    });
    return true;
  }

  close(): void {
    for (const each of this.#busy) each.close();
  }

  #forgetIdle(): void {
    for (const each of this.#busy) if (each.waiting === 0) this.#busy.delete(each);
  }
}
