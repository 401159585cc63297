/** The life of one worker. Runs in its thread. */
import { toPlain } from '../../common/core/thrown.ts';
import { type BootPort } from '../../common/boot/boot-data.ts';
import { type OwnThread } from '../../common/boot/own-thread.ts';
import { type LaneEnd } from '../../common/lane/lane.ts';
import { laneToMain } from '../../common/lane/open-lane.ts';
import { isArrival, type Arrival } from '../sockets/transferred-sockets.ts';
import { WorkerSockets } from '../sockets/worker-sockets.ts';
import { Scopes, within } from '../../common/user-code/scope.ts';
import { sharedNow } from '../../common/boot/shared-clock.ts';
import { noteClient } from '../../common/wire/activity.ts';
import { type Pace, type ToMain, type ToWorker, type WorkerSettings } from '../../common/wire/messages.ts';
import { lendSecured } from '../../common/tls/secured.ts';
import { Context } from './worker-context.ts';
import { setCurrentWorker } from './current.ts';
import { type AnyHandlers } from '../session/handlers.ts';
import { Heartbeat } from './heartbeat.ts';
import { lendReport, type Report } from './reporting.ts';
import { lendActivity } from './resting.ts';
import { Sessions } from './client-sessions.ts';
import { Troubles } from './troubles.ts';

export interface RuntimeOptions {
  readonly port: BootPort;
  readonly settings: WorkerSettings;
  readonly thread: OwnThread;
  readonly handlers: AnyHandlers;
}

// The main thread sends no garbage unless its own code is wrong: that is an uncaught exception, as any other.
const surface = (error: unknown): void => {
  queueMicrotask(() => {
    throw error;
  });
};

/** One worker from boot to leaving: joins the lane to the main thread, the sockets and their handlers. */
export class Runtime {
  readonly #port: BootPort;
  readonly #thread: OwnThread;
  readonly #settings: WorkerSettings;
  readonly #handlers: AnyHandlers;
  readonly #context: Context;
  readonly #lane: LaneEnd;
  readonly #sockets: WorkerSockets;
  readonly #scopes = new Scopes();
  /** The scope of the callbacks that concern the whole worker. */
  readonly #scope = this.#scopes.create();
  readonly #heartbeat: Heartbeat;
  readonly #troubles: Troubles;
  readonly #sessions: Sessions;
  #started = false;
  #pace: Pace;
  #stopping = false;

  constructor({ port, settings, thread, handlers }: RuntimeOptions) {
    this.#port = port;
    this.#thread = thread;
    this.#settings = settings;
    this.#pace = settings.heartbeat;
    this.#handlers = thread.enter(handlers);
    this.#context = new Context(settings, this.#send);
    lendActivity(this.#context, settings.activity);
    lendReport(this.#context, this.#report);
    setCurrentWorker(port, this.#context);
    // Client handlers decide themselves whether the end of input ends the connection.
    const allowHalfOpen = settings.allowHalfOpen || handlers.connection === undefined;
    this.#lane = this.#openLane();
    this.#sockets = new WorkerSockets({
      lane: this.#lane.out,
      settings: { ...settings, allowHalfOpen },
      scopes: this.#scopes,
      connected: (socket, secured) => {
        if (secured) lendSecured(socket, secured);
        this.#heartbeat.stir();
        this.#sessions.begin(socket);
      },
      attends: (id) => {
        noteClient(settings.activity, id, sharedNow());
      },
      gaveUp: () => {
        // A beat since the claim has counted it.
        this.#heartbeat.beat();
      },
      closed: this.#maybeLeave,
      askTurn: () => {
        this.#lane.askTurn();
      },
    });
    this.#sessions = new Sessions({
      settings,
      handlers: this.#handlers,
      worker: this.#context,
      report: this.#report,
      done: this.#maybeLeave,
    });
    const timers = this.#timersOf(thread);
    this.#heartbeat = new Heartbeat(
      timers,
      () => ({ open: this.#sockets.open, served: this.#sockets.served }),
      this.#send,
    );
    this.#troubles = new Troubles(timers, this.#send);
  }

  #openLane(): LaneEnd {
    return laneToMain(this.#settings.rings, {
      port: this.#port,
      sink: (kind, id, payload) => {
        this.#sockets.frame(kind, id, payload);
      },
      passed: () => undefined,
      published: () => {
        this.#sockets.published();
      },
      message: this.#control,
      broken: surface,
      atTurnEnd: this.#atTurnEnd,
    });
  }

  // These timers belong to no client.
  #timersOf(thread: OwnThread): Pick<OwnThread, 'now' | 'after' | 'vitals'> {
    return {
      now: () => thread.now(),
      after: (delay, run) => this.#scopes.register(() => thread.after(delay, run)),
      vitals: () => thread.vitals(),
    };
  }

  /** Runs `workerStarted` and reports ready, or why not. */
  async start(): Promise<void> {
    this.#thread.atEnd(
      // Output of the very turn that ends the thread is still sent.
      () => {
        this.#troubles.flush();
        this.#lane.finish();
      },
      () => {
        this.#heartbeat.stop();
        this.#troubles.stop();
        this.#sockets.cut();
        this.#lane.close();
      },
    );
    await within(this.#scope, () => this.#begin());
  }

  async #begin(): Promise<void> {
    try {
      // Throws where TLS cannot be: then this worker is none.
      this.#sessions.prepare();
      // `workerStarted` does not run inside `serve()`: it may need code that the module defines below that call.
      await Promise.resolve();
      await this.#handlers.workerStarted?.(this.#context);
      // The code right after `serve()` may fail: then the worker was never ready.
      await new Promise<void>(this.#atTurnEnd);
    } catch (error) {
      this.#send({ kind: 'failed', error: toPlain(error) });
      // Asked to leave meanwhile, it may have failed for that very reason.
      if (this.#context.draining) this.#send({ kind: 'leaving' });
      this.#thread.leave(0);
      return;
    }
    this.#started = true;
    const { heap, external } = this.#thread.vitals();
    this.#send({ kind: 'ready', heap, external });
    this.#maybeLeave();
    // The heartbeat begins after `ready`: it loads a module of Node's, and nobody need wait for that.
    this.#keep(this.#pace);
  }

  // Nothing that the main thread sends is checked.
  readonly #control = (given: unknown): void => {
    const message = given as ToWorker | Arrival;
    if (isArrival(message)) this.#sockets.arrived(message);
    else if (message.kind === 'heartbeat') this.#keep(message.pace);
    else if (message.kind === 'leases') this.#sockets.addPage(message.page);
    else {
      this.#sockets.leaving(message.moves);
      this.#drain();
    }
  };

  // The pace may change while `workerStarted` still runs; nothing beats before `ready`.
  #keep(pace: Pace): void {
    this.#pace = pace;
    if (this.#started) this.#heartbeat.keep(pace);
  }

  #drain(): void {
    within(this.#scope, () => {
      this.#context.leave();
    });
    this.#maybeLeave();
  }

  // A worker that has not started may not leave: `workerStopping` undoes the work of `workerStarted`.
  get #mayLeave(): boolean {
    const wanted = this.#started && this.#context.draining && !this.#stopping;
    return wanted && this.#sessions.open === 0 && this.#sockets.open === 0;
  }

  readonly #maybeLeave = (): void => {
    if (!this.#mayLeave) return;
    // A socket that closes in this turn says so to its handler at the end of the turn, or later in the next.
    this.#atTurnEnd(() => {
      this.#atTurnEnd(() => {
        if (!this.#mayLeave) return;
        this.#stopping = true;
        within(this.#scope, () => void this.#leave());
      });
    });
  };

  readonly #atTurnEnd = (run: () => void): void => {
    this.#scopes.register(this.#thread.atTurnEnd, run);
  };

  async #leave(): Promise<void> {
    try {
      await this.#handlers.workerStopping?.(this.#context);
    } catch (error) {
      this.#report(error, undefined, 'workerStopping');
    }
    this.#heartbeat.stop();
    this.#troubles.flush();
    this.#send({ kind: 'leaving' });
    this.#thread.leave(this.#settings.leaveTimeout);
  }

  readonly #report: Report = (error, connection, callback) => {
    this.#troubles.happened({ error, connection, callback });
  };

  readonly #send = (message: ToMain): void => {
    this.#lane.post(message);
  };
}
