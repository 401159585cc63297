import { asError, errorField, fromPlain } from '../../common/core/thrown.ts';
import { type AddressInfo, type LeaveReason, type WorkerId } from '../../common/core/types.ts';
import { Dispatcher } from '../listener/dispatcher.ts';
import { Master, type Crew } from '../master/master.ts';
import { WorkerHandle, type WorkerExit, type WorkerHandleEvents } from '../master/worker-handle.ts';
import { paceOf } from '../policy/config.ts';
import { type WorkerRecord } from '../policy/state.ts';
import { BootGate } from '../threads/boot-gate.ts';
import { type ThreadHost } from '../threads/host.ts';
import { type Connection } from '../relay/connection.ts';
import { type ConnectionSide } from '../relay/connection-side.ts';
import { type ToMain } from '../../common/wire/messages.ts';
import { Connections, infoOf } from '../listener/connections.ts';
import { Departures } from './departures.ts';
import { evidenceOf, gather, LONGEST_LOOK, type Evidence } from './evidence.ts';
import { type Announce } from './events.ts';
import { IdleWatch } from '../listener/idle-watch.ts';
import { type Surroundings } from './surroundings.ts';
import { type PreforkSettings } from './settings.ts';

export interface PoolOptions extends Surroundings {
  readonly settings: PreforkSettings;
  readonly host: ThreadHost;
  readonly announce: Announce;
  readonly exited: (exit: WorkerExit) => void;
  /** Where the prefork listens; `null` where it does not. */
  readonly address: () => AddressInfo | string | null;
  /** A worker failed, by which error; before whatever follows from it is told. */
  readonly failed: (error: unknown) => void;
  /** A worker asked for the end of the whole prefork. */
  readonly shutdown: () => void;
  readonly turned: () => void;
  /** A connection is closed on both sides. */
  readonly over: () => void;
}

/** The workers with all that feeds them: performs the master's decisions and tells it what happens. */
export class Pool implements Crew {
  readonly master: Master;
  readonly dispatcher: Dispatcher;
  readonly connections: Connections;
  readonly handles: Map<WorkerId, WorkerHandle> = new Map<WorkerId, WorkerHandle>();
  /** Of workers that did not answer. */
  readonly evidence: Map<WorkerId, Evidence> = new Map<WorkerId, Evidence>();
  /** Told of each exit after the event; not by the event itself, of which Node allows ten listeners without a warning. */
  readonly exitWatchers: Set<(exit: WorkerExit) => void> = new Set<(exit: WorkerExit) => void>();
  /** A worker was ready, if only for an instant. */
  hasBooted = false;
  readonly #options: PoolOptions;
  readonly #departures: Departures;
  readonly #gate: BootGate;
  readonly #idle: IdleWatch;
  #settings: PreforkSettings;
  #held = true;

  constructor(options: PoolOptions) {
    const { settings, clock, random, atTurnEnd, announce } = options;
    this.#options = options;
    this.#departures = new Departures(clock, announce);
    this.#settings = settings;
    this.#gate = new BootGate(options.cores);
    this.connections = new Connections(clock);
    this.#idle = new IdleWatch(clock, () => this.#ends(), settings.idle);
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
    this.dispatcher = new Dispatcher({
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
        this.connections.dropped(connection, reason);
        announce('drop', { connection: infoOf(connection), reason, error: errorField(error) });
      },
    });
  }

  configure(settings: PreforkSettings): void {
    const [before, pace] = [paceOf(this.#settings.policy), paceOf(settings.policy)];
    this.#settings = settings;
    this.master.configure(settings.policy);
    this.dispatcher.configure(settings.dispatcher);
    this.#idle.configure(settings.idle);
    if (pace.every === before.every && pace.atRest === before.atRest) return;
    for (const handle of this.handles.values()) handle.post({ kind: 'heartbeat', pace });
  }

  /** Ends the looking after workers and connections; for when none is left. */
  stop(): void {
    this.master.stop();
    this.#idle.stop();
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
      maxWorkerMessages,
      transfer,
      bootTimeout: policy.bootTimeout,
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
        tls: tls?.in === 'worker' ? tls : undefined,
      },
      events: this.#eventsOf(id),
    });
    handle.thread.hold(this.#held);
    this.handles.set(id, handle);
    announce('workerSpawned', { worker: id, generation });
  }

  retire(id: WorkerId, why: LeaveReason): void {
    const unclaimed = this.handles.get(id)?.retire(why) ?? [];
    this.#departures.asked(id, why);
    this.dispatcher.takenBack(unclaimed, id, false);
    if (why === 'silent') this.#expired(id);
  }

  kill(id: WorkerId, why: LeaveReason): void {
    const handle = this.handles.get(id);
    const unclaimed = handle?.hub.takeAllBack() ?? [];
    // Ends the look into it: what was found is told first.
    handle?.kill(why);
    this.#departures.killed(id, why, handle);
    if (why === 'boot-timeout') this.#options.failed(handle?.bootError);
    this.dispatcher.takenBack(unclaimed, id, false);
  }

  look(id: WorkerId): void {
    this.handles.get(id)?.thread.lookForDebugger(LONGEST_LOOK, (debugged) => {
      const before = this.#record(id);
      this.master.tell({ kind: 'looked', id, debugged });
      const after = this.#record(id);
      if (after?.debugged !== true || before?.debugged === true) return;
      this.#options.announce('workerDebugged', { worker: id, generation: after.generation });
    });
  }

  abandon(id: WorkerId): void {
    const handle = this.handles.get(id);
    if (!handle) return;
    // Before its connections are closed.
    const evidence = evidenceOf(handle, this.connections);
    const clients = handle.hub.open;
    const unclaimed = handle.abandon('worker-lost');
    const { generation, why } = handle;
    const earlier = this.evidence.get(id);
    const now = earlier ? { ...earlier, utilization: evidence.utilization } : evidence;
    this.evidence.set(id, now);
    this.#options.announce('workerZombie', { worker: id, generation, why, clients, ...now });
    this.dispatcher.takenBack(unclaimed, id, false);
  }

  #expired(id: WorkerId): void {
    const handle = this.handles.get(id);
    const record = this.#record(id);
    if (!handle || !record) return;
    const silentFor = this.#options.clock.now() - record.lastBeat;
    gather(handle, this.connections, (evidence) => {
      this.evidence.set(id, evidence);
      const { generation } = handle;
      this.#options.announce('workerExpired', { worker: id, generation, silentFor, ...evidence });
    });
  }

  #eventsOf(id: WorkerId): WorkerHandleEvents {
    const { master, dispatcher } = this;
    const { announce } = this.#options;
    return {
      launched: () => {
        master.tell({ kind: 'launched', id });
      },
      alive: () => {
        // Only then is it news; telling it with every message would cost each of them a turn of the master.
        const record = this.#record(id);
        if (record && (record.suspect || record.debugged || record.late)) master.tell({ kind: 'alive', id });
      },
      message: (message) => {
        this.#onMessage(id, message);
      },
      claimed: (connection) => {
        dispatcher.claimed(connection);
        this.connections.claimed();
        this.#idle.wake();
        master.tell({ kind: 'claimed', id });
        announce('connection', { connection: infoOf(connection), worker: id });
      },
      released: () => {
        master.tell({ kind: 'released', id });
      },
      over: (end) => {
        this.#over(id, end);
      },
      broken: (error) => {
        this.#options.failed(error);
        master.tell({ kind: 'broken', id });
        announce('handlerError', {
          worker: id,
          connection: undefined,
          callback: 'lane',
          error: asError(error),
          repeated: 0,
        });
      },
      gone: () => {
        // Before anything else is told: user code that hears of it may connect anew.
        master.tell({ kind: 'exited', id, luck: master.draw() });
      },
      exited: this.#exited.bind(this),
    };
  }

  /** Whether the worker gets new connections; told only when it changes. */
  setPaused(id: WorkerId, paused: boolean): void {
    const record = this.#record(id);
    if (record === undefined || record.paused === paused) return;
    this.master.tell({ kind: 'paused', id, paused });
    this.#options.announce(paused ? 'workerPaused' : 'workerResumed', { worker: id });
  }

  *#ends(): Iterable<ConnectionSide> {
    for (const { hub } of this.handles.values()) yield* hub.ends;
  }

  #record(id: WorkerId): WorkerRecord | undefined {
    return this.master.state.workers.find((worker) => worker.id === id);
  }

  #over(worker: WorkerId, end: ConnectionSide): void {
    this.connections.closed(end);
    this.#departures.closed(worker, end);
    // Not `turned`: the connections of a worker that failed are closed before its error is known.
    this.#options.over();
  }

  #onMessage(id: WorkerId, message: Exclude<ToMain, { kind: 'failed' | 'leaving' }>): void {
    const { announce, shutdown } = this.#options;
    switch (message.kind) {
      case 'ready':
        this.#ready(id);
        return;
      case 'beat':
        this.master.tell({ kind: 'beat', id, beat: message });
        return;
      case 'ask':
        if (message.request === 'shutdown') shutdown();
        else if (message.request === 'retire') this.master.tell({ kind: 'asked', id });
        else this.setPaused(id, message.request === 'pause');
        return;
      case 'limit':
        this.master.tell({ kind: 'limited', id, maxSessions: message.maxSessions });
        return;
      case 'trouble': {
        const { connection, callback, error, repeated } = message;
        announce('handlerError', { worker: id, connection, callback, error: fromPlain(error), repeated });
        return;
      }
      case 'message':
        announce('workerMessage', { worker: id, message: message.value });
    }
  }

  #ready(id: WorkerId): void {
    const { announce, clock } = this.#options;
    const record = this.#record(id);
    this.master.tell({ kind: 'ready', id });
    // One that was asked to leave while it booted never counts as ready.
    if (record?.stage.phase !== 'starting') return;
    this.hasBooted = true;
    const bootTime = clock.now() - record.stage.since;
    announce('workerReady', { worker: id, generation: record.generation, bootTime });
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
    exited(exit);
  }
}
