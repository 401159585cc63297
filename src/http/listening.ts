/** Makes a server that never listens act to its app as one that does. Runs in a worker. */
import { type Server } from 'node:net';
import { atDestroy } from '../worker/session/at-destroy.ts';
import { type WorkerContext } from '../worker/session/handlers.ts';
import { type ServedSocket } from '../worker/session/served-socket.ts';

/** The fields in which Node's own servers keep their connections. They are documented nowhere, and never changed. */
interface Books {
  _handle: object | null;
  _connections: number;
  _pipeName: string | null;
  _emitCloseIfDrained(): void;
}

// In Node 20, 0 means "no limit"; later it means none at all.
const MEANS_NONE = Number.parseInt(process.versions.node) > 20 ? -1 : 0;

/**
 * Makes a server that never listens act as one that does. The listening socket is in the main thread; in its place the
 * server gets what a child of `node:cluster` has there, a handle that only looks like one. So `listening`, `address()`,
 * `close(callback)` and its `'close'` are Node's own. Connections are counted where Node counts them.
 */
export class Listening {
  readonly #server: Server & Books;
  readonly #worker: WorkerContext;
  #closed = false;

  constructor(server: Server, worker: WorkerContext) {
    this.#server = server as Server & Books;
    this.#worker = worker;
    // A server that listens by itself, on a port of its own, has a handle.
    if (!server.listening) this.#server._handle = this.#handle();
    for (const name of ['maxConnections', 'dropMaxConnection']) this.#watch(name);
    this.#limit();
  }

  /** Counts a connection; returns false for one beyond the limit, which is closed as Node closes it. */
  admits(socket: ServedSocket): boolean {
    if (this.#server._connections >= this.#most) {
      const { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } = socket;
      socket.destroy();
      const addresses = { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily };
      this.#server.emit('drop', addresses);
      return false;
    }
    if (this.#closed) return true;
    this.#server._connections += 1;
    atDestroy(socket, this.#gone);
    return true;
  }

  // Once for all sockets.
  readonly #gone = (): void => {
    this.#server._connections -= 1;
    this.#lookWhetherClosed();
    this.#server._emitCloseIfDrained();
  };

  #handle(): object {
    const { address } = this.#worker;
    // As the handle of a Unix socket, which is not asked for its name.
    if (typeof address === 'string') this.#server._pipeName = address;
    const isPort = typeof address === 'object' && address !== null;
    const nothing = (): void => undefined;
    return {
      close: () => {
        if (!this.#worker.draining) this.#worker.retire();
        this.#server._handle = null;
        this.#lookWhetherClosed();
      },
      ...(isPort && {
        getsockname: (out: object) => {
          Object.assign(out, address);
          return 0;
        },
      }),
      ref: nothing,
      unref: nothing,
    };
  }

  // From then on it has said that it is closed, and a connection that still comes must not make it say so again.
  #lookWhetherClosed(): void {
    if (this.#server._handle === null && this.#server._connections === 0) this.#closed = true;
  }

  get #most(): number {
    const { maxConnections } = this.#server as { readonly maxConnections?: unknown };
    return typeof maxConnections === 'number' && maxConnections > MEANS_NONE ? maxConnections : Infinity;
  }

  // Connections beyond the limit go to another worker, or wait, as with `node:cluster`; they are closed where that is wanted.
  #limit(): void {
    const drops = Reflect.get(this.#server, 'dropMaxConnection') === true;
    this.#worker.limitSessions(drops ? Infinity : this.#most);
  }

  // A program may set these at any time.
  #watch(name: string): void {
    let value: unknown = Reflect.get(this.#server, name);
    Object.defineProperty(this.#server, name, {
      get: () => value,
      set: (given: unknown) => {
        value = given;
        this.#limit();
      },
      configurable: true,
      enumerable: true,
    });
  }
}
