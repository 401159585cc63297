/** The sessions of one worker, one for each client that its handlers serve. Runs in its thread. */
import { type ConnectionId } from '../../common/core/types.ts';
import { type PlainTls } from '../../common/tls/options.ts';
import { TlsTerminator } from '../../common/tls/terminator.ts';
import { type WorkerSettings } from '../../common/wire/messages.ts';
import { type AnyHandlers, type WorkerContext } from '../session/handlers.ts';
import { type ServedSocket } from '../session/served-socket.ts';
import { type WorkerSocket } from '../sockets/worker-sockets.ts';
import { runSession } from './run-session.ts';
import { servedSecure } from './secure-socket.ts';

export interface SessionsOptions {
  readonly settings: Pick<WorkerSettings, 'tls' | 'allowHalfOpen' | 'maxOutput'>;
  readonly handlers: AnyHandlers;
  readonly worker: WorkerContext;
  /** A handler has failed. */
  readonly report: (error: unknown, connection: ConnectionId | undefined, callback: string) => void;
  /** A session is done. */
  readonly done: () => void;
}

/** Begins a session for each client, behind TLS where the worker is to end it. */
export class Sessions {
  readonly #options: SessionsOptions;
  #open = 0;
  #tls: TlsTerminator | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Sessions that are not done; a client may be gone while its handler still works. */
  get open(): number {
    return this.#open;
  }

  /** To be called before the first session. Throws for a key or certificate that is missing or bad. */
  prepare(): void {
    const { tls } = this.#options.settings;
    if (tls) this.#tls = new TlsTerminator(tls as PlainTls);
  }

  begin(socket: WorkerSocket): void {
    if (!this.#tls) {
      this.#serve(socket);
      return;
    }
    const { settings, handlers } = this.#options;
    socket.on('error', () => undefined);
    this.#tls.secure(socket, {
      secured: (secure) => {
        secure.allowHalfOpen = settings.allowHalfOpen || handlers.connection === undefined;
        // It closes some turns after the socket under it.
        this.#open += 1;
        this.#serve(servedSecure(secure, socket, this.#done));
      },
    });
  }

  #serve(socket: ServedSocket): void {
    const { handlers, worker, settings, report } = this.#options;
    this.#open += 1;
    runSession({ socket, handlers, worker, maxOutput: settings.maxOutput, report, done: this.#done });
  }

  // A single function for all sessions.
  readonly #done = (): void => {
    this.#open -= 1;
    this.#options.done();
  };
}
