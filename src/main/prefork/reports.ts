// The reports of workers. Each becomes an event of the master, an entry in the books of connections, or an event for
// the user.
import { type Clock } from '../../common/core/clock.ts';
import { asError, closeError, fromPlain } from '../../common/core/thrown.ts';
import { type WorkerId } from '../../common/core/types.ts';
import { type ToMain } from '../../common/wire/messages.ts';
import { infoOf, type Connections } from '../listener/connections.ts';
import { type Dispatcher } from '../listener/dispatcher.ts';
import { type IdleWatch } from '../listener/idle-watch.ts';
import { type Takeover } from '../listener/takeover.ts';
import { type Master } from '../master/master.ts';
import { type WorkerHandleEvents } from '../master/worker-handle.ts';
import { type Connection } from '../relay/connection.ts';
import { type RelaySide } from '../relay/relay-side.ts';
import { type LeftTerms } from '../relay/taking.ts';
import { type Homeless } from '../relay/homeless.ts';
import { type ConnectionSide } from '../relay/connection-side.ts';
import { type Announce } from './events.ts';

export interface ReportsOptions {
  readonly clock: Clock;
  readonly master: Master;
  readonly dispatcher: Dispatcher;
  readonly connections: Connections;
  readonly idle: IdleWatch;
  readonly homeless: Homeless;
  readonly takeover: Takeover;
  readonly announce: Announce;
  /** A worker failed by this error. Called before the events that follow from the failure. */
  readonly failed: (error: unknown) => void;
  /** The thread of a worker has ended, and its connections are still open. */
  readonly gone: (id: WorkerId) => void;
  /** A worker asked for the end of the whole prefork. */
  readonly shutdown: () => void;
  /** A connection is closed on both sides. */
  readonly closed: () => void;
  readonly exited: WorkerHandleEvents['exited'];
}

export class Reports {
  /** Whether any worker has ever been ready. */
  hasBooted = false;
  readonly #options: ReportsOptions;

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  /** Where the handle of this worker reports. */
  of(id: WorkerId): WorkerHandleEvents {
    const { master } = this.#options;
    return {
      launched: () => {
        master.tell({ kind: 'launched', id });
      },
      alive: () => {
        // It is no news for other workers, and would cost a turn of the master for each message.
        const record = master.record(id);
        if (record && (record.suspect || record.debugged || record.stolenFrom))
          master.tell({ kind: 'alive', id });
      },
      sent: () => {
        this.#options.takeover.wake();
      },
      message: (message) => {
        this.#message(id, message);
      },
      claimed: (connection, again) => {
        const { dispatcher, connections, idle, announce } = this.#options;
        dispatcher.claimed(connection);
        master.tell({ kind: 'claimed', id });
        if (again) {
          this.#moved(id, connection);
          return;
        }
        connections.claimed();
        idle.wake();
        announce('connection', { connection: infoOf(connection), worker: id });
      },
      released: () => {
        master.tell({ kind: 'released', id });
      },
      closed: (side) => {
        this.#closed(id, side);
      },
      left: (side, terms) => {
        this.#left(id, side, terms);
      },
      broken: (error) => {
        this.#broken(id, error);
      },
      gone: () => {
        this.#options.gone(id);
        // The master is told first: user code that is told of the exit may connect anew.
        master.tell({ kind: 'exited', id, luck: master.draw() });
      },
      exited: this.#options.exited,
    };
  }

  /** Sets whether the worker gets new connections. A change is told by an event. */
  setPaused(id: WorkerId, paused: boolean): void {
    const { master, announce } = this.#options;
    const record = master.record(id);
    if (record === undefined || record.paused === paused) return;
    master.tell({ kind: 'paused', id, paused });
    announce(paused ? 'workerPaused' : 'workerResumed', { worker: id });
  }

  #left(from: WorkerId, side: RelaySide, terms: LeftTerms): void {
    const closed = (over: RelaySide): void => {
      this.#closed(from, over);
    };
    this.#options.homeless.add(side, { ...terms, from, closed });
  }

  #moved(worker: WorkerId, connection: Connection): void {
    const { homeless, connections, announce } = this.#options;
    const before = homeless.movedFrom(connection.id);
    if (!before) return;
    connections.moved(before.why);
    announce('connectionMoved', {
      connection: infoOf(connection),
      worker,
      from: before.from,
      why: before.why,
    });
  }

  #message(id: WorkerId, message: Exclude<ToMain, { kind: 'failed' | 'leaving' }>): void {
    const { master, announce, shutdown } = this.#options;
    switch (message.kind) {
      case 'ready':
        this.#ready(id);
        return;
      case 'beat':
        master.tell({ kind: 'beat', id, beat: message });
        return;
      case 'ask':
        if (message.request === 'shutdown') shutdown();
        else if (message.request === 'retire') master.tell({ kind: 'asked', id });
        else this.setPaused(id, message.request === 'pause');
        return;
      case 'limit':
        master.tell({ kind: 'limited', id, maxSessions: message.maxSessions });
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
    const { master, announce, clock } = this.#options;
    const record = master.record(id);
    master.tell({ kind: 'ready', id });
    // A worker that was asked to leave while it booted never counts as ready.
    if (record?.stage.phase !== 'starting') return;
    this.hasBooted = true;
    const bootTime = clock.now() - record.stage.since;
    announce('workerReady', { worker: id, generation: record.generation, bootTime });
  }

  #closed(worker: WorkerId, side: ConnectionSide): void {
    const { connections, announce, closed } = this.#options;
    const { connection, reason, error, bytesRead, bytesWritten } = side;
    connections.closed(side);
    announce('connectionClosed', {
      connection: infoOf(connection),
      worker,
      reason,
      error: closeError(error),
      bytesRead,
      bytesWritten,
    });
    // Told here and not with the master's turn: connections of a worker that failed close before its error is known.
    closed();
  }

  #broken(worker: WorkerId, broken: unknown): void {
    const { master, announce, failed } = this.#options;
    failed(broken);
    master.tell({ kind: 'broken', id: worker });
    const error = asError(broken);
    announce('handlerError', { worker, connection: undefined, callback: 'lane', error, repeated: 0 });
  }
}
