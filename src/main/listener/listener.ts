/** A listening socket of the main thread. */
import {
  createServer,
  isIPv4,
  type AddressInfo,
  type ListenOptions,
  type Server,
  type ServerOpts,
  type Socket,
} from 'node:net';
import { errors } from '../../common/core/errors.ts';

export interface ListenerOptions {
  readonly socket: ServerOpts;
  // The types of Node 20 know nothing of `fd`.
  readonly listen: ListenOptions & { readonly fd?: number | undefined };
  /** `arrived` is where, if it can be nowhere else: to ask the system takes a call for each connection. */
  readonly accepted: (socket: Socket, arrived: AddressInfo | undefined) => void;
  /** Accepting failed (EMFILE, ENFILE …) after listening had begun. */
  readonly failed: (error: Error) => void;
}

/** The port of an address of a server. */
export const portOf = (address: AddressInfo | string | null): number | undefined =>
  typeof address === 'object' ? address?.port : undefined;

const isOnePlace = (address: string): boolean =>
  (isIPv4(address) && address !== '0.0.0.0') || address === '::1';

/** One listening socket. */
export class Listener {
  readonly #server: Server;
  readonly #listen: ListenerOptions['listen'];
  #place: AddressInfo | undefined;

  /** Throws `FORKLESS_BAD_OPTION` where nothing says where to listen. */
  constructor({ socket, listen, accepted, failed }: ListenerOptions) {
    // Node would speak of an argument of its own, and not of what a missing environment variable has left out.
    if ((listen.port ?? listen.path ?? listen.fd) === undefined) throw errors.nowhereToListen();
    this.#listen = listen;
    // The main thread keeps both directions apart and reads nothing before a worker has claimed the connection.
    this.#server = createServer({ ...socket, allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      accepted(socket, this.#place);
    });
    this.#server.on('error', (error) => {
      // A failure to listen is told by `open()`.
      if (this.#server.listening) failed(error);
    });
  }

  /** Binds and listens. Rejects with Node's own error (EADDRINUSE, EACCES …). */
  open(): Promise<AddressInfo | string | null> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#listen, () => {
        this.#server.off('error', reject);
        const address = this.#server.address();
        this.#place = this.#onlyPlace(address);
        resolve(address);
      });
    });
  }

  // A wildcard takes what arrives at any address; a descriptor of somebody else's may do so too, whatever it is bound to.
  #onlyPlace(address: AddressInfo | string | null): AddressInfo | undefined {
    if (typeof address !== 'object' || address === null || this.#listen.fd !== undefined) return undefined;
    return isOnePlace(address.address) ? address : undefined;
  }

  address(): AddressInfo | string | null {
    return this.#server.address();
  }

  hold(held: boolean): void {
    if (held) this.#server.ref();
    else this.#server.unref();
  }

  /** Stops listening at once; accepted connections go on. */
  close(): Promise<void> {
    this.#server.close();
    // net.Server calls back only when its connections are gone; the port itself is free after this turn.
    return new Promise((resolve) => setImmediate(resolve));
  }
}
