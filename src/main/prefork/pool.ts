// The workers of one prefork: their handles, the master that decides about them, the dispatcher that feeds them.
import { errors } from '../../common/core/errors.ts';
import { closeFieldsOf, errorField } from '../../common/core/thrown.ts';
import {
  type AddressInfo,
  type ExitReason,
  type LeaveReason,
  type WorkerId,
} from '../../common/core/types.ts';
import { Homeless } from '../relay/homeless.ts';
import { Dispatcher } from '../listener/dispatcher.ts';
import { Master, type Crew } from '../master/master.ts';
import { WorkerHandle, type WorkerExit } from '../master/worker-handle.ts';
import { paceOf } from '../policy/config.ts';
import { BootGate } from '../threads/boot-gate.ts';
import { type ThreadHost } from '../threads/host.ts';
import { type Connection } from '../relay/connection.ts';
import { type ConnectionSide } from '../relay/connection-side.ts';
import { Connections, infoOf, type Tally } from '../listener/connections.ts';
import { Departures } from './departures.ts';
import { evidenceOf, gather, lastClientOf, LONGEST_LOOK, type Evidence } from './evidence.ts';
import { type Announce } from './events.ts';
import { Takeover } from '../listener/takeover.ts';
import { type Hub } from '../relay/hub.ts';
import { IdleWatch } from '../listener/idle-watch.ts';
import { Reports } from './reports.ts';
import { type Surroundings } from './surroundings.ts';
import { type PreforkSettings } from './settings.ts';

export interface PoolOptions extends Surroundings {
  readonly settings: PreforkSettings;
  readonly host: ThreadHost;
  readonly announce: Announce;
  readonly exited: (exit: WorkerExit) => void;
  /** Where the prefork listens; `null` where it does not. */
  readonly address: () => AddressInfo | string | null;
  /** A worker failed by this error. Called before the events that follow from the failure. */
  readonly failed: (error: unknown) => void;
  /** A worker asked for the end of the whole prefork. */
  readonly shutdown: () => void;
  readonly turned: () => void;
  /** A connection is closed on both sides. */
  readonly closed: () => void;
}

/** The workers with everything that feeds them. It performs the decisions of the master and tells it what happens. */
export class Pool implements Crew {
  readonly master: Master;
  readonly dispatcher: Dispatcher;
  readonly connections: Connections;
  readonly homeless: Homeless;
  readonly handles: Map<WorkerId, WorkerHandle> = new Map<WorkerId, WorkerHandle>();
  /** The evidence about workers that did not answer. */
  readonly evidence: Map<WorkerId, Evidence> = new Map<WorkerId, Evidence>();
  /** Called with each exit, after its event. (Node warns of more than ten listeners for one event.) */
  readonly exitWatchers: Set<(exit: WorkerExit) => void> = new Set<(exit: WorkerExit) => void>();
  /** How many workers have ended, by reason. */
  readonly exits: Tally<ExitReason> = {};
  readonly #options: PoolOptions;
  readonly #departures: Departures;
  readonly #gate: BootGate;
  readonly #idle: IdleWatch;
  readonly #takeover: Takeover;
  readonly #reports: Reports;
  readonly #told = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #settings: PreforkSettings;
  #held = true;

  constructor(options: PoolOptions) {
    const { settings, clock, random, atTurnEnd, announce } = options;
    this.#options = options;
    this.#departures = new Departures(clock, announce);
    this.#settings = settings;
    this.#gate = new BootGate(options.cores);
    this.connections = new Connections(clock);
    this.homeless = this.#openHome();
    this.#idle = new IdleWatch(clock, () => this.#sides(), settings.idle);
    this.master = new Master({
      config: settings.policy,
      clock,
      random,
      crew: this,
      defer: atTurnEnd,
      turned: () => {
        this.dispatcher.pump();
        options.turned();
      },
    });
    this.dispatcher = this.#openDispatcher();
    this.#takeover = this.#openTakeover();
    this.#reports = new Reports({
      ...options,
      master: this.master,
      dispatcher: this.dispatcher,
      connections: this.connections,
      idle: this.#idle,
      homeless: this.homeless,
      takeover: this.#takeover,
      gone: this.#gone.bind(this),
      exited: this.#exited.bind(this),
    });
  }

  #openDispatcher(): Dispatcher {
    const { settings, clock, announce } = this.#options;
    return new Dispatcher({
      config: settings.dispatcher,
      clock,
      state: () => this.master.state,
      tell: (event) => {
        this.master.tell(event);
      },
      offer: (id, connection) => {
        const handle = this.handles.get(id);
        if (!handle) throw new Error(`forkless: worker ${id} is in the books but not there`);
        handle.hub.offer(connection);
      },
      rests: (id) => this.handles.get(id)?.hub.rests ?? false,
      takeBack: (id, connection) => this.handles.get(id)?.hub.takeBack(connection) ?? false,
      dropped: (connection, reason, error) => {
        // One that a worker had is not dropped, but closed.
        const why = error === undefined ? undefined : closeFieldsOf(error).message;
        if (this.homeless.refuse(connection, reason === 'gone' ? undefined : 'no-worker', why)) return;
        this.connections.dropped(connection, reason);
        announce('drop', { connection: infoOf(connection), reason, error: errorField(error) });
      },
    });
  }

  #openHome(): Homeless {
    return new Homeless({
      clock: this.#options.clock,
      renewLease: (connection) => {
        this.connections.renewLease(connection);
      },
      wake: (connection) => {
        this.dispatcher.wake(connection);
      },
    });
  }

  #openTakeover(): Takeover {
    const { clock, settings } = this.#options;
    return new Takeover({
      clock,
      hubs: () => this.#hubs(),
      hasFreeFor: (worker) => this.dispatcher.hasFreeFor(worker),
      stalls: (id) => {
        this.master.tell({ kind: 'stalled', id });
      },
      after: settings.dispatcher.stealAfter,
    });
  }

  *#hubs(): Iterable<[WorkerId, Hub]> {
    for (const [id, { hub }] of this.handles) if (hub.mayTake) yield [id, hub];
  }

  /** Whether any worker has ever been ready. */
  get hasBooted(): boolean {
    return this.#reports.hasBooted;
  }

  /** Returns the id if there is such a worker; throws `FORKLESS_NO_SUCH_WORKER` otherwise. */
  known(worker: WorkerId): WorkerId {
    if (this.handles.has(worker)) return worker;
    throw errors.noSuchWorker(worker);
  }

  configure(settings: PreforkSettings): void {
    const [before, pace] = [paceOf(this.#settings.policy), paceOf(settings.policy)];
    this.#settings = settings;
    this.master.configure(settings.policy);
    this.dispatcher.configure(settings.dispatcher);
    this.#takeover.configure(settings.dispatcher.stealAfter);
    this.#idle.configure(settings.idle);
    if (pace.every === before.every && pace.atRest === before.atRest) return;
    for (const handle of this.handles.values()) handle.post({ kind: 'heartbeat', pace });
  }

  /** Stops the timers that look after workers and connections. Call it when none is left. */
  stop(): void {
    this.master.stop();
    this.#idle.stop();
    this.#takeover.stop();
  }

  hold(held: boolean): void {
    this.#held = held;
    for (const handle of this.handles.values()) handle.thread.hold(held);
  }

  spawn(id: WorkerId, generation: number): void {
    const { host, clock, openLink, atTurnEnd, announce } = this.#options;
    const { url, thread, window, maxOutput, lingerTimeout, leaveTimeout, transfer } = this.#settings;
    const { policy, socket, tls, maxWorkerMessages, allowHalfOpen } = this.#settings;
    const handle = new WorkerHandle({
      id,
      generation,
      url,
      host,
      gate: this.#gate,
      clock,
      openLink,
      atTurnEnd,
      lingerTimeout,
      homeless: this.homeless,
      maxWorkerMessages,
      transfer,
      bootTimeout: policy.bootTimeout,
      told: this.#told,
      thread,
      settings: {
        heartbeat: paceOf(policy),
        window,
        maxOutput,
        allowHalfOpen,
        highWaterMark: socket.highWaterMark,
        leaveTimeout,
        accepted: socket,
        address: this.#options.address(),
        call: this.#options.call?.(),
        tls: tls?.in === 'worker' ? tls : undefined,
      },
      events: this.#reports.of(id),
    });
    handle.thread.hold(this.#held);
    this.handles.set(id, handle);
    announce('workerSpawned', { worker: id, generation });
  }

  retire(id: WorkerId, why: LeaveReason): void {
    const unclaimed = this.handles.get(id)?.retire(why, why !== 'closing') ?? [];
    const tell = this.#departures.asked(id, why);
    this.dispatcher.takenBack(unclaimed, id, false);
    if (why === 'silent') this.#expired(id, tell);
    else tell();
  }

  kill(id: WorkerId, why: LeaveReason): void {
    const handle = this.handles.get(id);
    const unclaimed = handle?.hub.takeAllBack() ?? [];
    handle?.hub.takeRested('lost');
    // This ends a look into the worker, so what the look has found is told first.
    handle?.kill(why);
    this.#departures.killed(id, why, handle);
    if (why === 'boot-timeout') this.#options.failed(handle?.bootError);
    this.dispatcher.takenBack(unclaimed, id, false);
  }

  look(id: WorkerId): void {
    this.handles.get(id)?.thread.lookForDebugger(LONGEST_LOOK, (debugged) => {
      const before = this.master.record(id);
      this.master.tell({ kind: 'looked', id, debugged });
      const after = this.master.record(id);
      if (after?.debugged !== true || before?.debugged === true) return;
      this.#options.announce('workerDebugged', { worker: id, generation: after.generation });
    });
  }

  abandon(id: WorkerId): void {
    const handle = this.handles.get(id);
    if (!handle) return;
    // The evidence names a client, so it is taken before the connections are closed.
    const evidence = evidenceOf(handle, this.connections);
    handle.hub.takeRested('lost');
    const clients = handle.hub.clients;
    const unclaimed = handle.abandon('worker-lost');
    const { generation, why } = handle;
    const earlier = this.evidence.get(id);
    const now = earlier ? { ...earlier, utilization: evidence.utilization } : evidence;
    this.evidence.set(id, now);
    this.#options.announce('workerZombie', { worker: id, generation, why, clients, ...now });
    this.dispatcher.takenBack(unclaimed, id, false);
  }

  // It has expired first, and was asked to leave for that.
  #expired(id: WorkerId, asked: () => void): void {
    const handle = this.handles.get(id);
    const record = this.master.record(id);
    if (!handle || !record) {
      asked();
      return;
    }
    const silentFor = this.#options.clock.now() - record.lastBeat;
    gather(handle, this.connections, (evidence) => {
      this.evidence.set(id, evidence);
      const { generation } = handle;
      this.#options.announce('workerExpired', { worker: id, generation, silentFor, ...evidence });
      asked();
    });
  }

  /** Sets whether the worker gets new connections. A change is told by an event. */
  setPaused(id: WorkerId, paused: boolean): void {
    this.#reports.setPaused(id, paused);
  }

  *#sides(): Iterable<ConnectionSide> {
    for (const { hub } of this.handles.values()) yield* hub.sides;
    yield* this.homeless.sides();
  }

  #gone(id: WorkerId): void {
    const handle = this.handles.get(id);
    if (handle) this.#departures.gone(id, lastClientOf(handle, this.connections));
  }

  #exited(exit: WorkerExit, unclaimed: Connection[]): void {
    const { dispatcher } = this;
    const { exited, failed } = this.#options;
    this.handles.delete(exit.worker);
    this.evidence.delete(exit.worker);
    dispatcher.takenBack(unclaimed, exit.worker, false);
    this.#departures.exited(exit);
    if (exit.why === undefined) failed(exit.error);
    for (const watch of this.exitWatchers) watch(exit);
    this.exits[exit.reason] = (this.exits[exit.reason] ?? 0) + 1;
    exited(exit);
  }
}
