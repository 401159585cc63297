// The main thread's object for one worker: it joins the thread, the port and the connections of that worker.
import { type Clock } from '../../common/core/clock.ts';
import { errors } from '../../common/core/errors.ts';
import { fromPlain } from '../../common/core/thrown.ts';
import {
  type CloseReason,
  type ExitReason,
  type LeaveReason,
  type Millis,
  type WorkerId,
} from '../../common/core/types.ts';
import { type Beat } from '../policy/state.ts';
import { type Connection } from '../relay/connection.ts';
import { type ConnectionSide } from '../relay/connection-side.ts';
import { clientsClosedBy, exitVerdict } from './exit-verdict.ts';
import { hasToldLeaving, move, wasReady, type WorkerStage } from './stages.ts';
import { WorkerThread } from './worker-thread.ts';
import { Hub, type HomelessSides } from '../relay/hub.ts';
import { type LeftTerms } from '../relay/taking.ts';
import { type RelaySide } from '../relay/relay-side.ts';
import { type LaneEnd } from '../../common/lane/lane.ts';
import { type Link } from '../../common/lane/link.ts';
import { laneToWorker } from '../../common/lane/open-lane.ts';
import { type BootGate } from '../threads/boot-gate.ts';
import { type Thread, type ThreadExit, type ThreadHost, type ThreadSpec } from '../threads/host.ts';
import { type Activity, createActivity } from '../../common/wire/activity.ts';
import { createBacklog, leave } from '../../common/wire/backlog.ts';
import {
  readToMain,
  type SocketMessage,
  type ToMain,
  type ToWorker,
  type WorkerSettings,
} from '../../common/wire/messages.ts';

/** How a worker ended. */
export interface WorkerExit {
  readonly worker: WorkerId;
  readonly generation: number;
  /** Exit code of the thread. */
  readonly code: number;
  readonly reason: ExitReason;
  /** Why it had been asked to leave, or was killed; `undefined` if nobody had. */
  readonly why: LeaveReason | undefined;
  /** The error that it threw, if it threw one; the boot error if it was never ready. */
  readonly error: Error | undefined;
}

/** The events of a worker handle, for its owner. */
export interface WorkerHandleEvents {
  readonly launched: () => void;
  readonly message: (message: Exclude<ToMain, { kind: 'failed' | 'leaving' }>) => void;
  readonly alive: () => void;
  /** The worker was sent something. */
  readonly sent: () => void;
  readonly claimed: (connection: Connection, again: boolean) => void;
  readonly released: (connection: Connection) => void;
  readonly closed: (side: ConnectionSide) => void;
  readonly left: (side: RelaySide, terms: LeftTerms) => void;
  /** The worker sent something that no worker sends. */
  readonly broken: (error: unknown) => void;
  /** Its thread has ended, so it can be offered nothing more. Told before all events that follow from it. */
  readonly gone: () => void;
  /** The worker has ended. `unclaimed` are the connections that it was offered and never claimed. */
  readonly exited: (exit: WorkerExit, unclaimed: Connection[]) => void;
}

export interface WorkerHandleOptions {
  readonly id: WorkerId;
  readonly generation: number;
  readonly url: string;
  readonly host: ThreadHost;
  readonly gate: BootGate;
  readonly clock: Clock;
  readonly openLink: () => Link;
  /** Runs its argument once, at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void;
  readonly thread: Omit<ThreadSpec, 'name' | 'boot'>;
  readonly settings: Omit<WorkerSettings, 'id' | 'generation' | 'leases' | 'rings' | 'activity'>;
  readonly lingerTimeout: Millis;
  readonly homeless: HomelessSides;
  readonly maxWorkerMessages: number;
  /** Whether sockets are sent to the worker, where that is possible. */
  readonly transfer: boolean;
  /** Only for the messages about a boot that takes longer. */
  readonly bootTimeout: Millis;
  /** The last generation of which a worker has told that it does not serve, in memory that all workers share. */
  readonly told: Int32Array<SharedArrayBuffer>;
  readonly events: WorkerHandleEvents;
}

/**
 * One worker as the main thread sees it: its thread, its port, and its hub of connections. It decides nothing. It holds
 * no state of a connection, because a connection can outlive its worker.
 */
export class WorkerHandle {
  readonly id: WorkerId;
  readonly generation: number;
  readonly hub: Hub;
  readonly thread: WorkerThread;
  /** The memory that it used when it was ready; `undefined` before. */
  memory: Pick<Beat, 'heap' | 'external'> | undefined;
  readonly #options: WorkerHandleOptions;
  readonly #link: Link;
  readonly #lane: LaneEnd;
  readonly activity: Activity = createActivity();
  readonly #backlog = createBacklog();
  #stage: WorkerStage = 'gated';
  #why: LeaveReason | undefined;
  #bootError: Error | undefined;

  constructor(options: WorkerHandleOptions) {
    this.#options = options;
    this.id = options.id;
    this.generation = options.generation;
    const { clock, settings, lingerTimeout, transfer, homeless, events } = options;
    const { claimed, released, closed, left, broken } = events;
    this.#link = options.openLink();
    this.#lane = this.#openLane();
    this.hub = new Hub({
      lane: this.#lane,
      clock,
      window: settings.window,
      lingerTimeout,
      sendSocket: transfer ? this.#sendSocket : undefined,
      homeless,
      claimed,
      released,
      closed,
      left,
      broken,
    });
    const { gate } = options;
    const start = this.#start.bind(this);
    this.thread = new WorkerThread({ gate, clock, start, launched: events.launched });
  }

  get #hasEnded(): boolean {
    return this.#stage === 'ended';
  }

  /** Why it was asked to leave, or was killed; `undefined` if neither has happened. */
  get why(): LeaveReason | undefined {
    return this.#why;
  }

  /** Why it did not boot, if that is known. */
  get bootError(): Error | undefined {
    return this.#bootError;
  }

  /**
   * Asks it to finish and leave. Returns the connections that it has not claimed, which are taken back. With `moves`, so are
   * those at rest, now and as they come to rest.
   */
  retire(why: LeaveReason, moves: boolean): Connection[] {
    this.#why ??= why;
    const unclaimed = this.hub.takeAllBack();
    if (moves) this.hub.takeRested('left');
    if (this.#stage === 'gated') this.#cancel();
    else this.post({ kind: 'retire', moves });
    return unclaimed;
  }

  kill(why: LeaveReason): void {
    this.#why ??= why;
    this.thread.endLooks();
    if (why === 'boot-timeout')
      this.#bootError = errors.bootTimeout(this.#options.url, this.#options.bootTimeout);
    if (this.#stage === 'gated') this.#cancel();
    else this.thread.terminate();
  }

  /**
   * Gives it up as a zombie, since its thread does not end: closes its clients and lets the next birth in, but still
   * listens for its exit. The process need not wait for the thread any longer, as far as that is in our hands. Returns
   * the connections that it has not claimed.
   */
  abandon(reason: CloseReason): Connection[] {
    this.thread.abandon();
    return this.hub.abandon(reason);
  }

  post(message: ToWorker): void {
    this.#lane.post(message);
  }

  #openLane(): LaneEnd {
    const { near, rings } = this.#link;
    const { atTurnEnd, events } = this.#options;
    const { alive, broken, sent } = events;
    return laneToWorker(rings, {
      port: near,
      sink: (kind, id, payload) => {
        this.hub.frame(kind, id, payload);
      },
      passed: () => {
        this.hub.passed();
      },
      published: sent,
      message: this.#control,
      alive,
      broken,
      atTurnEnd,
    });
  }

  #move(to: WorkerStage): void {
    this.#stage = move(this.#stage, to);
  }

  #start(): Thread {
    this.#move('booting');
    const { id, generation, url, host, thread, settings } = this.#options;
    const mine: WorkerSettings = {
      ...settings,
      id,
      generation,
      leases: this.hub.pages,
      rings: this.#link.rings,
      activity: this.activity,
    };
    const quota = { most: this.#options.maxWorkerMessages, backlog: this.#backlog };
    const { bootTimeout, told } = this.#options;
    const boot = { url, port: this.#link.far, settings: mine, quota, terms: { bootTimeout, told } };
    return host.start({ ...thread, name: `forkless worker ${id}`, boot }, (exit) => {
      this.#exited(exit);
    });
  }

  #cancel(): void {
    this.#move('cancelled');
    this.thread.cancel();
    this.#link.far.close();
    // Not synchronously: the caller is in the middle of performing decisions.
    this.#options.atTurnEnd(() => {
      this.#exited({ code: 0, reason: 'terminated' });
    });
  }

  readonly #sendSocket = (message: SocketMessage): void => {
    this.#lane.postAside(message, [message.socket]);
  };

  readonly #control = (given: unknown): void => {
    const message: ToMain = readToMain(given);
    switch (message.kind) {
      case 'failed':
        this.#move('failed');
        this.#bootError = fromPlain(message.error);
        return;
      case 'leaving':
        this.#move(this.#stage === 'failed' ? 'withdrawing' : 'leaving');
        return;
      case 'ready':
        this.#move('ready');
        this.memory = message;
        this.thread.booted();
        this.#options.events.message(message);
        return;
      case 'message':
        leave(this.#backlog);
        this.#options.events.message(message);
        return;
      case 'beat':
      case 'ask':
      case 'limit':
      case 'trouble':
        this.#options.events.message(message);
    }
  };

  #exited(exit: ThreadExit): void {
    if (this.#hasEnded) return;
    this.thread.ended();
    const stage = this.#stage;
    this.#move('ended');
    this.#options.events.gone();
    const unclaimed = this.hub.abandon(clientsClosedBy(this.#why));
    this.#lane.end();
    const { reason, error } = exitVerdict({
      url: this.#options.url,
      ofCall: this.#options.settings.call !== undefined,
      wasReady: wasReady(stage),
      toldLeaving: hasToldLeaving(stage),
      why: this.#why,
      bootError: this.#bootError,
      exit,
    });
    const { id: worker, generation } = this;
    this.#options.events.exited(
      { worker, generation, code: exit.code, reason, why: this.#why, error },
      unclaimed,
    );
  }
}
