import { type Clock } from '../../common/core/clock.ts';
import { closeError } from '../../common/core/thrown.ts';
import { type LeaveReason, type Millis, type WorkerId } from '../../common/core/types.ts';
import { infoOf } from '../listener/connections.ts';
import { type WorkerExit, type WorkerHandle } from '../master/worker-handle.ts';
import { type ConnectionSide } from '../relay/connection-side.ts';
import { type Announce } from './events.ts';

/** Tells of workers that leave, and of connections that close. */
export class Departures {
  readonly #clock: Clock;
  readonly #announce: Announce;
  readonly #askedAt = new Map<WorkerId, Millis>();

  constructor(clock: Clock, announce: Announce) {
    this.#clock = clock;
    this.#announce = announce;
  }

  asked(worker: WorkerId, why: LeaveReason): void {
    this.#askedAt.set(worker, this.#clock.now());
    this.#announce('workerRetiring', { worker, why });
  }

  killed(worker: WorkerId, why: LeaveReason, handle: WorkerHandle | undefined): void {
    const askedAt = this.#askedAt.get(worker);
    const drainedFor = askedAt === undefined ? undefined : this.#clock.now() - askedAt;
    this.#announce('workerKilled', { worker, why, drainedFor, clients: handle?.hub.open ?? 0 });
  }

  exited(exit: WorkerExit): void {
    this.#askedAt.delete(exit.worker);
    this.#announce('workerExited', exit);
  }

  closed(worker: WorkerId, { connection, reason, error, bytesRead, bytesWritten }: ConnectionSide): void {
    this.#announce('connectionClosed', {
      connection: infoOf(connection),
      worker,
      reason,
      error: closeError(error),
      bytesRead,
      bytesWritten,
    });
  }
}
