import {
  createServer,
  type AddressInfo,
  type ListenOptions,
  type Server,
  type ServerOpts,
  type Socket,
} from 'node:net';

export interface ListenerOptions {
  readonly socket: ServerOpts;
  readonly listen: ListenOptions;
  readonly accepted: (socket: Socket) => void;
  /** Accepting failed (EMFILE, ENFILE …) after listening had begun. */
  readonly failed: (error: Error) => void;
}

/** One listening socket. */
export class Listener {
  readonly #server: Server;
  readonly #listen: ListenOptions;

  constructor({ socket, listen, accepted, failed }: ListenerOptions) {
    this.#listen = listen;
    // The main thread keeps both directions apart and reads nothing before a worker has claimed the connection.
    this.#server = createServer({ ...socket, allowHalfOpen: true, pauseOnConnect: true }, accepted);
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
        resolve(this.#server.address());
      });
    });
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
