import { type MessagePort } from 'node:worker_threads';
import { toPlain } from '../core/errors.ts';
import { type ConnectionId } from '../core/types.ts';
import { leaveThread } from '../transport/boot.ts';
import { type RelaySocket } from '../transport/relay-socket.ts';
import { WorkerHub } from '../transport/worker-hub.ts';
import { sharedNow } from '../transport/shared-clock.ts';
import { noteClient } from '../wire/activity.ts';
import { type ToMain, type ToWorker, type WorkerSettings } from '../wire/messages.ts';
import { type PlainTls } from '../tls/options.ts';
import { TlsTerminator } from '../tls/terminator.ts';
import { Context } from './context.ts';
import { type AnyHandlers } from './handlers.ts';
import { Heartbeat } from './heartbeat.ts';
import { runSession } from './run-session.ts';
import { servedSecure } from './secure-socket.ts';
import { type ServedSocket } from './served-socket.ts';

const atTurnEnd = (run: () => void): void => {
  setImmediate(run);
};

/** One worker from boot to leaving: joins the port to the main thread, the handlers and their sockets. */
export class Runtime {
  readonly #port: MessagePort;
  readonly #settings: WorkerSettings;
  readonly #handlers: AnyHandlers;
  readonly #context: Context;
  readonly #hub: WorkerHub;
  readonly #heartbeat: Heartbeat;
  // Connections whose handlers are not all done; a client may be gone while its handler still works.
  #sessions = 0;
  #tls: TlsTerminator | undefined;
  #started = false;
  #every: number;
  #stopping = false;

  constructor(port: MessagePort, settings: WorkerSettings, handlers: AnyHandlers) {
    this.#port = port;
    this.#settings = settings;
    this.#every = settings.heartbeat;
    this.#handlers = handlers;
    this.#context = new Context(settings.id, settings.generation, (request) => {
      this.#send({ kind: 'ask', request });
    });
    // Client handlers decide themselves what the end of input means.
    const allowHalfOpen = settings.allowHalfOpen || handlers.connection === undefined;
    this.#hub = new WorkerHub({
      port,
      settings: { ...settings, allowHalfOpen },
      atTurnEnd,
      message: (message) => {
        this.#receive(message as ToWorker);
      },
      // The main thread's own code is wrong: an uncaught exception, as any other.
      broken: (error) => {
        queueMicrotask(() => {
          throw error;
        });
      },
      connected: (socket) => {
        this.#receiveClient(socket);
      },
      attends: (id) => {
        noteClient(settings.activity, id, sharedNow());
      },
      over: () => {
        this.#maybeLeave();
      },
    });
    this.#heartbeat = new Heartbeat(
      () => ({ open: this.#hub.open, served: this.#hub.served }),
      (beat) => {
        this.#send(beat);
      },
    );
  }

  /** Runs `workerStarted` and reports ready, or why not. */
  async start(): Promise<void> {
    this.#port.on('message', (message: unknown) => {
      this.#hub.heard(message);
    });
    // What was put in the very turn that ends the thread is still sent.
    process.on('exit', () => {
      this.#hub.finish();
    });
    try {
      // Throws for a key or certificate that is missing or bad: then this worker is none.
      if (this.#settings.tls) this.#tls = new TlsTerminator(this.#settings.tls as PlainTls);
      await this.#handlers.workerStarted?.(this.#context);
    } catch (error) {
      this.#send({ kind: 'failed', error: toPlain(error) });
      leaveThread();
      return;
    }
    this.#started = true;
    this.#beatEvery(this.#every);
    this.#send({ kind: 'ready' });
  }

  #receive(message: ToWorker): void {
    if (message.kind === 'heartbeat') this.#beatEvery(message.every);
    else this.#drain();
  }

  #receiveClient(socket: RelaySocket): void {
    if (!this.#tls) {
      this.#serve(socket);
      return;
    }
    // Its end of input is for the secure socket over it to judge.
    socket.allowHalfOpen = true;
    socket.on('error', () => undefined);
    this.#tls.secure(socket, (secure) => {
      secure.allowHalfOpen = this.#settings.allowHalfOpen || this.#handlers.connection === undefined;
      this.#serve(servedSecure(secure, socket));
    });
  }

  #serve(socket: ServedSocket): void {
    this.#sessions += 1;
    runSession({
      socket,
      handlers: this.#handlers,
      worker: this.#context,
      maxOutput: this.#settings.maxOutput,
      report: (error, connection, callback) => {
        this.#report(error, connection, callback);
      },
      done: () => {
        this.#sessions -= 1;
        this.#maybeLeave();
      },
    });
  }

  // It may be changed while `workerStarted` still runs; nothing beats before ready.
  #beatEvery(every: number): void {
    this.#every = every;
    if (this.#started) this.#heartbeat.every(every);
  }

  #drain(): void {
    this.#context.leave();
    this.#maybeLeave();
  }

  #maybeLeave(): void {
    if (!this.#context.draining || this.#stopping || this.#sessions > 0 || this.#hub.open > 0) return;
    this.#stopping = true;
    void this.#leave();
  }

  async #leave(): Promise<void> {
    try {
      await this.#handlers.workerStopping?.(this.#context);
    } catch (error) {
      this.#report(error, undefined, 'workerStopping');
    }
    this.#heartbeat.stop();
    this.#send({ kind: 'leaving' });
    leaveThread();
  }

  #report(error: unknown, connection: ConnectionId | undefined, callback: string): void {
    this.#send({ kind: 'trouble', error: toPlain(error), connection, callback });
  }

  #send(message: ToMain): void {
    this.#hub.post(message);
  }
}
