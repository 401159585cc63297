import { ignore } from '../transport/stream-events.ts';
import { Calls, type CallsOwner } from './calls.ts';
import { asError } from './client-error.ts';
import { type SessionOptions } from './session.ts';

/** Runs a `connection` handler over its socket. A throw or rejection destroys the socket and is reported. */
export class RawSession implements CallsOwner {
  readonly #options: SessionOptions;
  readonly #calls: Calls;
  #step: 'open' | 'closed' | 'done' = 'open';

  /** Listens to the socket from now on; runs nothing before `start()`. */
  constructor(options: SessionOptions) {
    this.#options = options;
    this.#calls = new Calls(this);
    // A reset that the handler does not listen for must not take the thread down.
    options.socket.on('error', ignore);
    options.socket.once('close', () => {
      this.#closed();
    });
  }

  /** Runs the handler, at once, unless the socket is gone already. */
  start(): void {
    const { socket, handlers, worker } = this.#options;
    if (socket.closed) this.#closed();
    if (socket.destroyed) return;
    this.#calls.run('connection', () => handlers.connection?.(socket, worker));
  }

  failed(error: unknown, callback: string): void {
    const { socket, report } = this.#options;
    socket.destroy(asError(error));
    report(error, socket.connectionId, callback);
  }

  idle(): void {
    this.#finish();
  }

  #closed(): void {
    if (this.#step !== 'open') return;
    this.#step = 'closed';
    this.#finish();
  }

  #finish(): void {
    if (this.#step !== 'closed' || !this.#calls.isIdle) return;
    this.#step = 'done';
    this.#options.done();
  }
}
