// The events of a prefork with their arguments: public types.
import {
  type CloseReason,
  type ConnectionId,
  type DropReason,
  type LeaveReason,
  type Millis,
  type MoveReason,
  type WorkerId,
} from '../../common/core/types.ts';
import { type WorkerExit } from '../master/worker-handle.ts';
import { type AddressInfo } from 'node:net';
import { type Evidence, type LastClient } from './evidence.ts';
import { type ConnectionInfo } from '../listener/connections.ts';

/** Why a pool is not what it should be: workers fail, or more threads than `maxZombies` cannot be terminated. */
export type DegradedCause = 'boot' | 'zombies';

export type Degradation =
  | {
      readonly cause: 'boot';
      /** Failures in a row. */
      readonly failures: number;
      /** The next try is in so many milliseconds. */
      readonly retryIn: Millis;
      /** The error of the last failure; `undefined` where the worker ended without one, by `process.exit()`. */
      readonly error: Error | undefined;
    }
  | { readonly cause: 'zombies'; readonly zombies: number; readonly maxZombies: number };

/** The events of a `Prefork`, each with one argument. An `error` is an Error, whatever was thrown. */
export interface PreforkEvents {
  listening: [{ readonly address: AddressInfo | string | null }];
  workerSpawned: [{ readonly worker: WorkerId; readonly generation: number }];
  workerReady: [{ readonly worker: WorkerId; readonly generation: number; readonly bootTime: Millis }];
  /** A worker was asked to leave. Where it did not answer, `workerExpired` is told first. */
  workerRetiring: [{ readonly worker: WorkerId; readonly why: LeaveReason }];
  /** A worker gets no new connection until it is resumed; it was paused by itself or by `pause(id)`. */
  workerPaused: [{ readonly worker: WorkerId }];
  workerResumed: [{ readonly worker: WorkerId }];
  workerKilled: [
    {
      readonly worker: WorkerId;
      readonly why: LeaveReason;
      /** Milliseconds since it was asked to leave; `undefined` where it was not asked before. */
      readonly drainedFor: Millis | undefined;
      /** Connections that are cut off with it. */
      readonly clients: number;
    },
  ];
  /**
   * A debugger has stopped a worker that was overdue, at a breakpoint or before its first line. The worker gets its
   * time anew until it goes on. Told once each time it is stopped.
   */
  workerDebugged: [{ readonly worker: WorkerId; readonly generation: number }];
  /** A worker gave no heartbeat for `workerExpireTime`; told before `workerRetiring`, and before it is killed. */
  workerExpired: [
    {
      readonly worker: WorkerId;
      readonly generation: number;
      /** Milliseconds since its last heartbeat, when it was asked to leave. */
      readonly silentFor: Millis;
    } & Evidence,
  ];
  /** A killed thread does not end. Its clients are closed, its place is refilled up to `maxZombies`. */
  workerZombie: [
    {
      readonly worker: WorkerId;
      readonly generation: number;
      readonly why: LeaveReason | undefined;
      /** Connections that were closed because of it. */
      readonly clients: number;
    } & Evidence,
  ];
  /** The thread of a worker has ended. `lastClient` is known only if its connection was still open. */
  workerExited: [WorkerExit & LastClient];
  /** A worker has claimed a connection. */
  connection: [{ readonly connection: ConnectionInfo; readonly worker: WorkerId }];
  /** A connection that was at rest has another worker. */
  connectionMoved: [
    {
      readonly connection: ConnectionInfo;
      readonly worker: WorkerId;
      /** The worker that had it before. */
      readonly from: WorkerId;
      /** Why that one has it no more. */
      readonly why: MoveReason;
    },
  ];
  /** A claimed connection is closed on both sides. */
  connectionClosed: [
    {
      readonly connection: ConnectionInfo;
      readonly worker: WorkerId;
      readonly reason: CloseReason;
      /** The error that closed it, with its `code` where it has one; `undefined` where it ended in order. */
      readonly error: Error | undefined;
      readonly bytesRead: number;
      readonly bytesWritten: number;
    },
  ];
  /** A connection was refused and closed. */
  drop: [
    { readonly connection: ConnectionInfo; readonly reason: DropReason; readonly error: Error | undefined },
  ];
  /**
   * A handler threw or rejected, and no `clientError` took the error. At most 50 of one worker and 5 of one connection
   * are told at once in a second. Further ones are told together at the end of that second, as one event for each
   * callback.
   */
  handlerError: [
    {
      readonly worker: WorkerId;
      readonly connection: ConnectionId | undefined;
      readonly callback: string;
      readonly error: Error;
      /** How many more like it, of the same worker and callback, are not told one by one; nearly always 0. */
      readonly repeated: number;
    },
  ];
  /** User code in a worker posted to `parentPort`. */
  workerMessage: [{ readonly worker: WorkerId; readonly message: unknown }];
  /** Workers fail, or more threads than `maxZombies` cannot be terminated. Told again whenever that gets worse. */
  degraded: [Degradation];
  recovered: [{ readonly cause: DegradedCause }];
  /** Accepting fails (EMFILE, ENFILE …); told at most once in 100 ms, with the count since the last time. */
  acceptError: [{ readonly error: Error; readonly count: number }];
  paused: [];
  resumed: [];
  drainProgress: [{ readonly open: number; readonly waiting: number }];
  reloaded: [{ readonly generation: number }];
  closed: [{ readonly zombies: readonly WorkerId[] }];
}

export type Announce = <K extends keyof PreforkEvents>(name: K, ...event: PreforkEvents[K]) => void;
