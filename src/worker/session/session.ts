/**
 * The session of a connection with client handlers: its beginning and its end. The part between is in
 * `conversation.ts`.
 */
import { asError } from '../../common/core/thrown.ts';
import { type ConnectionId } from '../../common/core/types.ts';
import { destroyStream } from '../../common/user-code/guarded.ts';
import { within } from '../../common/user-code/scope.ts';
import { Calls, type CallsOwner } from './calls.ts';
import { type Client } from './client.ts';
import { ClientInfo } from './client-info.ts';
import { Conversation } from './conversation.ts';
import { type AnyHandlers, type WorkerContext } from './handlers.ts';
import { type ServedSocket } from './served-socket.ts';

/** Gets an error that no handler has seen, and the name of the handler or call it came from. */
type Report = (error: unknown, connectionId: ConnectionId, callback: string) => void;

export interface SessionOptions {
  readonly socket: ServedSocket;
  /** As `checkHandlers` passed them. */
  readonly handlers: AnyHandlers;
  readonly worker: WorkerContext;
  /** Must not throw. */
  readonly report: Report;
  /**
   * Called once, when no handler is to be called any more and no handler's promise is pending. The socket of a
   * `connection` handler may still be open.
   */
  readonly done: () => void;
}

export interface ClientSessionOptions extends SessionOptions {
  /** Bytes that may wait for the peer before a further `put`; `Infinity` for no limit. */
  readonly maxOutput: number;
}

/** Runs the client callbacks of one connection over its socket, from PreConnect to Disconnected. */
export class Session implements CallsOwner {
  readonly #options: ClientSessionOptions;
  readonly #calls: Calls;
  #conversation: Conversation | undefined;
  #step: 'greeting' | 'closed' | 'done' = 'greeting';

  /** Listens to the socket from now on; runs nothing before `start()`. */
  constructor(options: ClientSessionOptions) {
    this.#options = options;
    this.#calls = new Calls(this, options.socket.scope);
    options.socket.on('error', (error) => this.#conversation?.socketFailed(error));
    options.socket.once('close', () => {
      this.#closed();
    });
  }

  /** The client, from Connected on. */
  get client(): Client<unknown, unknown> | undefined {
    return this.#conversation?.client;
  }

  /** Runs the first callbacks, at once. */
  start(): void {
    const { socket, handlers, worker } = this.#options;
    if (socket.closed) this.#closed();
    if (socket.destroyed) return;
    let heap: unknown;
    try {
      heap = handlers.heap === undefined ? {} : within(socket.scope, () => handlers.heap?.());
    } catch (error) {
      this.failed(error, 'heap');
      return;
    }
    const greet = (): unknown =>
      handlers.clientPreConnect?.({ client: new ClientInfo(socket), worker, heap });
    this.#calls.run('clientPreConnect', greet, (verdict) => {
      if (verdict === false) socket.destroy();
      else if (!socket.destroyed) this.#converse(heap);
    });
  }

  #converse(heap: unknown): void {
    const { socket } = this.#options;
    try {
      this.#conversation = new Conversation({
        ...this.#options,
        heap,
        calls: this.#calls,
        report: (error, callback) => {
          this.#options.report(error, socket.connectionId, callback);
        },
      });
    } catch (error) {
      // Only a filter that cannot be cloned throws there.
      this.failed(error, 'clientFilter');
      return;
    }
    this.#conversation.start();
  }

  failed(error: unknown, callback: string): void {
    if (this.#conversation !== undefined) {
      this.#conversation.failed(error, callback);
      return;
    }
    const { socket, report } = this.#options;
    destroyStream(socket, asError(error));
    report(error, socket.connectionId, callback);
  }

  idle(): void {
    this.#finish();
  }

  #closed(): void {
    if (this.#step !== 'greeting') return;
    this.#step = 'closed';
    this.#conversation?.socketClosed();
    this.#finish();
  }

  #finish(): void {
    if (this.#step !== 'closed' || !this.#calls.isIdle) return;
    this.#step = 'done';
    this.#options.done();
  }
}
