/** The session of a connection whose raw socket goes to the handler `connection`. */
import { asError } from '../../common/core/thrown.ts';
import { destroyStream, ignore } from '../../common/user-code/guarded.ts';
import { Calls, type CallsOwner } from './calls.ts';
import { type SessionOptions } from './session.ts';

/**
 * Runs a `connection` handler over its socket; done when it has ended. A throw or rejection destroys the socket and is
 * reported. Nothing of it is left where the handler was done at once: an idle connection is its socket alone.
 */
export class RawSession implements CallsOwner {
  readonly #options: SessionOptions;
  readonly #calls: Calls;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#calls = new Calls(this, options.socket.scope);
    // A reset that the handler does not listen for must not take the thread down.
    options.socket.on('error', ignore);
  }

  /** Runs the handler, at once, unless the socket is gone already. */
  start(): void {
    const { socket, handlers, worker, done } = this.#options;
    const run = (): unknown => handlers.connection?.(socket, worker);
    const pending = !socket.destroyed && this.#calls.run('connection', run);
    if (!pending) done();
  }

  failed(error: unknown, callback: string): void {
    const { socket, report } = this.#options;
    destroyStream(socket, asError(error));
    report(error, socket.connectionId, callback);
  }

  idle(): void {
    this.#options.done();
  }
}
