/** The events that tell of a worker that leaves or ends. */
import { type Clock } from '../../common/core/clock.ts';
import { type LeaveReason, type Millis, type WorkerId } from '../../common/core/types.ts';
import { type WorkerExit, type WorkerHandle } from '../master/worker-handle.ts';
import { type Announce } from './events.ts';
import { type LastClient } from './evidence.ts';

const NOBODY: LastClient = { lastClient: undefined, lastClientAge: undefined };

/** Tells of workers that leave, from the asking to the exit. */
export class Departures {
  readonly #clock: Clock;
  readonly #announce: Announce;
  readonly #askedAt = new Map<WorkerId, Millis>();
  readonly #lastClients = new Map<WorkerId, LastClient>();

  constructor(clock: Clock, announce: Announce) {
    this.#clock = clock;
    this.#announce = announce;
  }

  /** A worker was asked to leave. Returns what tells of it. */
  asked(worker: WorkerId, why: LeaveReason): () => void {
    this.#askedAt.set(worker, this.#clock.now());
    return () => {
      this.#announce('workerRetiring', { worker, why });
    };
  }

  killed(worker: WorkerId, why: LeaveReason, handle: WorkerHandle | undefined): void {
    const askedAt = this.#askedAt.get(worker);
    const drainedFor = askedAt === undefined ? undefined : this.#clock.now() - askedAt;
    this.#announce('workerKilled', { worker, why, drainedFor, clients: handle?.hub.clients ?? 0 });
  }

  /** Its thread has ended. Its connections are still open, so it is known who its last client was. */
  gone(worker: WorkerId, last: LastClient): void {
    this.#lastClients.set(worker, last);
  }

  exited(exit: WorkerExit): void {
    const { worker } = exit;
    const last = this.#lastClients.get(worker) ?? NOBODY;
    this.#askedAt.delete(worker);
    this.#lastClients.delete(worker);
    this.#announce('workerExited', { ...exit, ...last });
  }
}
