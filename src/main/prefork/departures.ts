/** The events that tell of a worker that leaves or ends. */
import { type Clock } from '../../common/core/clock.ts';
import { type LeaveReason, type Millis, type WorkerId } from '../../common/core/types.ts';
import { type WorkerExit, type WorkerHandle } from '../master/worker-handle.ts';
import { type Announce } from './events.ts';

/** Tells of workers that leave, from the asking to the exit. */
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
    this.#announce('workerKilled', { worker, why, drainedFor, clients: handle?.hub.clients ?? 0 });
  }

  exited(exit: WorkerExit): void {
    this.#askedAt.delete(exit.worker);
    this.#announce('workerExited', exit);
  }
}
